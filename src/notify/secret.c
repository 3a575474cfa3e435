/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/str.h"
#include "notify/kind.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool secret_given(const struct secret_conf *secret)
{
    return secret->value || secret->file || secret->env;
}

void secret_check(const struct secret_conf *secret, const char *name, bool required,
                  const struct yaml_node *node, struct diags *diags)
{
    int given = !!secret->value + !!secret->file + !!secret->env;

    if (given > 1)
        diag_node(diags, node, "only one of %s, %s-file and %s-env can be given", name, name, name);
    else if (!given && required)
        diag_node(diags, node, "%s-file says where the %s stands; %s-env and %s do, too", name,
                  name, name, name);
}

/* systemd.exec(5), LoadCredential: the files of a service's credentials are all in one place. */
static char *find(const char *file, const char *dir)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char *path = fs_join(dir, file);

    if (fs_exists(path) || !credentials || file[0] == '/')
        return path;
    free(path);
    return fs_join(credentials, file);
}

static int read_file(const char *file, const char *name, const char *dir, char **ret,
                     struct err *err)
{
    cleanup_free char *path = find(file, dir);
    struct buf bytes = BUF_INIT(SECRET_MAX);
    int rc = fs_read(path, &bytes, err);

    if (rc == 0)
        *ret = xstrndup(bytes.data, strcspn(bytes.data, "\r\n"));
    explicit_bzero(bytes.data, bytes.size);
    buf_done(&bytes);
    return rc < 0 ? err_wrap(err, "the %s", name) : 0;
}

int secret_read(const struct secret_conf *secret, const char *name, const char *dir, char **ret,
                struct err *err)
{
    const char *variable = secret->env ? getenv(secret->env) : NULL;
    int rc = 0;

    *ret = NULL;
    if (secret->file)
        rc = read_file(secret->file, name, dir, ret, err);
    else if (secret->env && !variable)
        rc = err_set(err, ERR_CONFIG, "the %s: $%s is not set", name, secret->env);
    else
        *ret = xstrdup(secret->env ? variable : secret->value);
    if (rc == 0 && *ret && !**ret)
        rc = err_set(err, ERR_CONFIG, "the %s is empty", name);
    if (rc < 0) {
        secret_free(*ret);
        *ret = NULL;
    }
    return rc;
}

char *secret_exposed(const struct secret_conf *secret, const char *dir)
{
    char *path = secret->file ? find(secret->file, dir) : NULL;
    struct stat status;

    if (path && stat(path, &status) == 0 && status.st_mode & (S_IROTH | S_IWOTH))
        return path;
    free(path);
    return NULL;
}

void secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void secret_free_pointer(char **secret)
{
    secret_free(*secret);
}
