/* SPDX-License-Identifier: MIT */
#include "base/group.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What proc(5) calls fields 3, 5 and 22 of /proc/PID/stat. */
struct process_stat {
    char state;
    int group;
    unsigned long long start;
};

static bool read_stat(const char *pid, struct process_stat *ret)
{
    char path[64], text[1024];
    const char *after_name;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    after_name = strrchr(text, ')'); /* the name may hold blanks and parentheses itself */
    return after_name && sscanf(after_name + 1,
                                " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                                "%*d %*d %*d %llu",
                                &ret->state, &ret->group, &ret->start) == 3;
}

bool group_alive(pid_t group)
{
    struct process_stat stat;
    struct dirent *entry;
    bool alive = false;
    DIR *dir;

    if (kill(-group, 0) < 0 && errno == ESRCH)
        return false;
    dir = opendir("/proc");
    if (!dir)
        return true;
    while (!alive && (entry = readdir(dir)))
        alive = isdigit((unsigned char)entry->d_name[0]) && read_stat(entry->d_name, &stat) &&
                stat.group == group && stat.state != 'Z' && stat.state != 'X';
    closedir(dir);
    return alive;
}

uint64_t group_start_of(pid_t pid)
{
    struct process_stat stat;
    char text[24];

    snprintf(text, sizeof text, "%d", (int)pid);
    return read_stat(text, &stat) ? stat.start : 0;
}
