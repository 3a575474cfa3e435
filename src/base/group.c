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

/* The fields of /proc/PID/stat by proc(5)'s numbers; those before STATE are the caller's. */
enum { STAT_STATE = 3, STAT_GROUP = 5, STAT_START = 22 };

struct process_stat {
    char state;
    pid_t group;
    uint64_t start;
};

/* " S 1 42 ...": cuts `text` into fields. */
static bool parse_stat(char *text, struct process_stat *ret)
{
    char *next = text, *field;
    int number = STAT_STATE;

    for (; number <= STAT_START && (field = strsep(&next, " ")); number += *field != '\0') {
        if (number == STAT_STATE)
            ret->state = *field;
        else if (number == STAT_GROUP)
            ret->group = (pid_t)strtol(field, NULL, 10);
        else if (number == STAT_START)
            ret->start = strtoull(field, NULL, 10);
    }
    return number > STAT_START;
}

static bool read_stat(const char *pid, struct process_stat *ret)
{
    char path[64], text[1024], *at;
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
    at = strrchr(text, ')'); /* the name may hold blanks and parentheses itself */
    return at && parse_stat(at + 1, ret);
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

bool group_is_since(pid_t group, uint64_t leader_start)
{
    uint64_t now = group_start_of(group);

    return !now || !leader_start || now == leader_start;
}

bool group_alive_since(pid_t group, uint64_t leader_start)
{
    return group_alive(group) && group_is_since(group, leader_start);
}
