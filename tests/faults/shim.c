// A library that is loaded before libc (LD_PRELOAD) and makes the file calls of a program fail.
//
// Only calls on paths below FAULT_FOLDER are looked at. What shall fail stands in the file
// FAULT_SPEC, one line, read anew at each such call, so that a test can arm a fault in a running
// program by putting the file there and disarm it by taking it away:
//
//   ID CALL PART NTH COUNT EFFECT ARGUMENT
//
// ID      a number; another one starts the count of calls again
// CALL    open pwrite pread fdatasync fsync ftruncate rename unlink mkdir readdir close fstat lstat
//         statvfs flock, or any for whichever comes; a statx is an fstat or an lstat here
// PART    what the path must contain, or * for any
// NTH     the first of these calls to strike, from 1;  COUNT: how many of them, 0 = for good
// EFFECT  error     nothing is done, errno is ARGUMENT
//         done      the call does its work and says errno ARGUMENT all the same
//         torn      half of a write is written, then errno ARGUMENT
//         short     only part of a read or write is done, and said: ARGUMENT bytes, or all but
//                   that many when it is negative, or half of them for 0
//         lost      nothing is done, success is said
//         misplaced a write goes 512 bytes behind its place, success is said
//         flip      a read shows one bit in its middle inverted
//         zeros     a read shows zeros
//         delay     the call takes ARGUMENT milliseconds longer
//         kill      the process is killed before the call
//         none      nothing but the line below
//
// Each strike adds a line `ID CALL PATH` to the file FAULT_STRIKES.
//
// The file FAULT_CLOCK, if there is one, holds 8 bytes: by how many milliseconds (int64_t) the wall
// clock is ahead, read anew at each look at the clock. The steady clock stays as it is.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum effect {
  NONE,
  ERROR,
  DONE,
  TORN,
  SHORT,
  LOST,
  MISPLACED,
  FLIP,
  ZEROS,
  DELAY,
  KILL
};
static const char* const effect_names[] = {"none",      "error", "done",  "torn",  "short", "lost",
                                           "misplaced", "flip",  "zeros", "delay", "kill"};

struct strike {
  enum effect effect;
  long argument;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long current_id;
static long seen;

#define REAL(type, name, ...)                                   \
  static type (*real)(__VA_ARGS__);                             \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

/// Reads a small file with bare system calls, which nobody intercepts; its length, or -1.
static ssize_t read_whole(const char* path, char* into, size_t size) {
  if (path == NULL) return -1;
  const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t got = syscall(SYS_read, fd, into, size - 1);
  syscall(SYS_close, fd);
  if (got >= 0) into[got] = '\0';
  return got;
}

static void note_strike(long id, const char* call, const char* path) {
  char line[4200];
  const int size = snprintf(line, sizeof line, "%ld %s %s\n", id, call, path);
  const long fd = syscall(SYS_openat, AT_FDCWD, getenv("FAULT_STRIKES"),
                          O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, size);
  syscall(SYS_close, fd);
}

static enum effect effect_of(const char* name) {
  for (size_t i = 0; i < sizeof effect_names / sizeof *effect_names; ++i)
    if (strcmp(name, effect_names[i]) == 0) return (enum effect)i;
  return NONE;
}

/// What shall become of this call; delays and kills have happened when it returns.
static struct strike look_up(const char* call, const char* path) {
  const struct strike none = {NONE, 0};
  const int errno_before = errno;
  const char* folder = getenv("FAULT_FOLDER");
  char spec[4200];
  if (folder == NULL || path == NULL || strstr(path, folder) == NULL ||
      read_whole(getenv("FAULT_SPEC"), spec, sizeof spec) <= 0) {
    errno = errno_before;
    return none;
  }
  long id, nth, count, argument;
  char wanted[32], part[4096], effect[32];
  errno = errno_before;
  if (sscanf(spec, "%ld %31s %4095s %ld %ld %31s %ld", &id, wanted, part, &nth, &count, effect,
             &argument) != 7)
    return none;
  if (strcmp(wanted, call) != 0 && strcmp(wanted, "any") != 0) return none;
  if (strcmp(part, "*") != 0 && strstr(path, part) == NULL) return none;
  pthread_mutex_lock(&mutex);
  if (id != current_id) {
    current_id = id;
    seen = 0;
  }
  ++seen;
  const int strikes = seen >= nth && (count == 0 || seen < nth + count);
  pthread_mutex_unlock(&mutex);
  if (!strikes) return none;
  note_strike(id, call, path);
  errno = errno_before;
  const struct strike found = {effect_of(effect), argument};
  if (found.effect == KILL) kill(getpid(), SIGKILL);
  if (found.effect == DELAY) {
    struct timespec time = {argument / 1000, argument % 1000 * 1000000};
    nanosleep(&time, NULL);
    return none;
  }
  return found;
}

static struct strike look_up_fd(const char* call, int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return (struct strike){NONE, 0};
  path[size] = '\0';
  return look_up(call, path);
}

/// Ends a call without values: `doing` is what the real one is.
#define PLAIN(strike, doing)                                 \
  do {                                                       \
    if ((strike).effect == NONE) return doing;               \
    if ((strike).effect == LOST) return 0;                   \
    if ((strike).effect == DONE) (void)doing;                \
    errno = (int)(strike).argument;                          \
    return -1;                                               \
  } while (0)

static int open_any(const char* call, const char* path, int flags, mode_t mode) {
  const struct strike strike = look_up("open", path);
  REAL(int, call, const char*, int, ...);
  if (strike.effect == NONE) return real(path, flags, mode);
  errno = (int)strike.argument;
  return -1;
}

#define OPEN(name)                              \
  int name(const char* path, int flags, ...) {  \
    va_list rest;                               \
    va_start(rest, flags);                      \
    const mode_t mode = va_arg(rest, mode_t);   \
    va_end(rest);                               \
    return open_any(#name, path, flags, mode);  \
  }
OPEN(open)
OPEN(open64)

static size_t part_of(size_t size, long argument) {
  if (argument > 0) return (size_t)argument < size ? (size_t)argument : size;
  if (argument < 0) return size > (size_t)-argument ? size - (size_t)-argument : size;
  return size > 1 ? size / 2 : size;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  const struct strike strike = look_up_fd("pwrite", fd);
  REAL(ssize_t, "pwrite", int, const void*, size_t, off_t);
  switch (strike.effect) {
    case NONE:
      return real(fd, bytes, size, at);
    case LOST:
      return (ssize_t)size;
    case MISPLACED:
      return real(fd, bytes, size, at + 512);
    case SHORT:
      return real(fd, bytes, part_of(size, strike.argument), at);
    case TORN:
      (void)!real(fd, bytes, part_of(size, 0), at);
      break;
    case DONE:
      (void)!real(fd, bytes, size, at);
      break;
    default:
      break;
  }
  errno = (int)strike.argument;
  return -1;
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) {
  return pwrite(fd, bytes, size, at);
}

static ssize_t read_any(int fd, void* bytes, size_t size, off_t at) {
  const struct strike strike = look_up_fd("pread", fd);
  REAL(ssize_t, "pread", int, void*, size_t, off_t);
  if (strike.effect == ERROR) {
    errno = (int)strike.argument;
    return -1;
  }
  if (strike.effect == SHORT) size = part_of(size, strike.argument);
  const ssize_t got = real(fd, bytes, size, at);
  if (got > 0 && strike.effect == FLIP) ((char*)bytes)[got / 2] ^= 1;
  if (got > 0 && strike.effect == ZEROS) memset(bytes, 0, (size_t)got);
  return got;
}
ssize_t pread(int fd, void* bytes, size_t size, off_t at) { return read_any(fd, bytes, size, at); }
ssize_t pread64(int fd, void* bytes, size_t size, off_t at) {
  return read_any(fd, bytes, size, at);
}
ssize_t __pread_chk(int fd, void* bytes, size_t size, off_t at, size_t room) {
  (void)room;
  return read_any(fd, bytes, size, at);
}

int fdatasync(int fd) {
  const struct strike strike = look_up_fd("fdatasync", fd);
  REAL(int, "fdatasync", int);
  PLAIN(strike, real(fd));
}

int fsync(int fd) {
  const struct strike strike = look_up_fd("fsync", fd);
  REAL(int, "fsync", int);
  PLAIN(strike, real(fd));
}

int ftruncate(int fd, off_t size) {
  const struct strike strike = look_up_fd("ftruncate", fd);
  REAL(int, "ftruncate", int, off_t);
  PLAIN(strike, real(fd, size));
}

int rename(const char* from, const char* to) {
  const struct strike strike = look_up("rename", from);
  REAL(int, "rename", const char*, const char*);
  PLAIN(strike, real(from, to));
}

int unlink(const char* path) {
  const struct strike strike = look_up("unlink", path);
  REAL(int, "unlink", const char*);
  PLAIN(strike, real(path));
}

int mkdir(const char* path, mode_t mode) {
  const struct strike strike = look_up("mkdir", path);
  REAL(int, "mkdir", const char*, mode_t);
  PLAIN(strike, real(path, mode));
}

int close(int fd) {
  const struct strike strike = look_up_fd("close", fd);
  REAL(int, "close", int);
  // Whatever it says, the descriptor is gone, as on Linux.
  const int closed = real(fd);
  if (strike.effect == NONE || strike.effect == LOST) return closed;
  errno = (int)strike.argument;
  return -1;
}

int fstat(int fd, struct stat* into) {
  const struct strike strike = look_up_fd("fstat", fd);
  REAL(int, "fstat", int, struct stat*);
  PLAIN(strike, real(fd, into));
}

int lstat(const char* path, struct stat* into) {
  const struct strike strike = look_up("lstat", path);
  REAL(int, "lstat", const char*, struct stat*);
  PLAIN(strike, real(path, into));
}

int statx(int fd, const char* restrict path, int flags, unsigned mask, struct statx* restrict into) {
  const struct strike strike =
      *path == '\0' ? look_up_fd("fstat", fd) : look_up("lstat", path);
  REAL(int, "statx", int, const char*, int, unsigned, struct statx*);
  PLAIN(strike, real(fd, path, flags, mask, into));
}

int statvfs(const char* path, struct statvfs* into) {
  const struct strike strike = look_up("statvfs", path);
  REAL(int, "statvfs", const char*, struct statvfs*);
  PLAIN(strike, real(path, into));
}

int flock(int fd, int operation) {
  const struct strike strike = look_up_fd("flock", fd);
  REAL(int, "flock", int, int);
  PLAIN(strike, real(fd, operation));
}

struct dirent* readdir(DIR* folder) {
  const struct strike strike = look_up_fd("readdir", dirfd(folder));
  REAL(struct dirent*, "readdir", DIR*);
  if (strike.effect == NONE) return real(folder);
  errno = (int)strike.argument;
  return NULL;
}

/// The number in FAULT_CLOCK, or a zero.
static const volatile int64_t* clock_offset(void) {
  static const int64_t zero = 0;
  static const volatile int64_t* offset = NULL;
  if (offset != NULL) return offset;
  const char* path = getenv("FAULT_CLOCK");
  offset = &zero;
  if (path == NULL) return offset;
  const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return offset;
  void* place = mmap(NULL, sizeof zero, PROT_READ, MAP_SHARED, (int)fd, 0);
  syscall(SYS_close, fd);
  if (place != MAP_FAILED) offset = place;
  return offset;
}

int clock_gettime(clockid_t clock, struct timespec* into) {
  REAL(int, "clock_gettime", clockid_t, struct timespec*);
  const int result = real(clock, into);
  if (result != 0 || clock != CLOCK_REALTIME) return result;
  const int64_t ms = *clock_offset();
  into->tv_sec += ms / 1000;
  into->tv_nsec += ms % 1000 * 1000000;
  if (into->tv_nsec < 0) {
    into->tv_nsec += 1000000000;
    into->tv_sec -= 1;
  } else if (into->tv_nsec >= 1000000000) {
    into->tv_nsec -= 1000000000;
    into->tv_sec += 1;
  }
  return 0;
}
