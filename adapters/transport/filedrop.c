/*
 * File drop: a folder for each institution, as the national platform has it (domain.md 3.1): we write into upload, and read
 * what comes into response (receipts), receive (feedback) and error.
 *
 * Written: as temp*, synced, renamed, the folder synced: nobody ever sees half a file. A thread of ours does it, for a sync
 *          takes milliseconds. "Sent" is stamped when the name is there for good.
 * Read:    a file is handed on, then moved to done: a crash between the two hands it on again, and an answer that no order
 *          waits for changes nothing (O14). What is too large or no file goes to refused. Names that begin with temp are left.
 * Called back: what nobody has taken is taken away again.
 * Bounds:  one file per slot; FILES_PER_TURN files a turn of 64 KiB at most.
 */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/transport.h"
#include "engine/base/assert.h"
#include "engine/base/log.h"

#define FILES_PER_TURN 64
#define LOOK_EVERY_NS (5 * HF_NS_PER_S) /* where no event came: not every file system tells */
#define NAME_SIZE_MAX 160
#define TEMPORARY "temp"

enum folder { UPLOAD, RESPONSE, RECEIVE, ERROR, DONE, REFUSED, FOLDERS };
static const char *const folders[FOLDERS] = {"upload", "response", "receive", "error", "done", "refused"};

enum state { FREE, QUEUED, WRITING, WRITTEN, FAILED, LEFT };

/* A file on its way out. The writer has it from QUEUED to WRITTEN or FAILED; state, cancelled and next are under the lock. */
struct outgoing {
  enum state state;
  bool cancelled;
  uint32_t next;
  int fd; /* of upload, its own: the row may lead elsewhere meanwhile */
  char name[NAME_SIZE_MAX];
  size_t size;
  uint8_t bytes[HF_ORDER_BODY_SIZE_MAX + 2048];
};

struct institution {
  bool used, dirty;
  char code[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  char place[HF_ENDPOINT_SIZE_MAX + 1];
  int fds[FOLDERS]; /* -1: not open */
  int watches[FOLDERS];
  const struct hf_dialect *dialect;
  struct hf_institution row;
};

struct filedrop {
  struct hf_transport_config config;
  struct hf_transport_events events;
  struct institution *institutions; /* HF_INSTITUTIONS_MAX */
  uint32_t institutions_count;
  struct outgoing *slots;
  int inotify, wake; /* -1: no institution yet */
  struct event *on_files, *on_written;
  struct event_base *base;
  int64_t look_ns;
  pthread_t writer;
  pthread_mutex_t lock;
  pthread_cond_t queued;
  uint32_t first, last, done; /* slots that wait for the writer, and that it has finished; UINT32_MAX: none */
  bool stop;
};

#define NO_SLOT UINT32_MAX

/* --- the writer --- */

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
  while (size > 0) {
    ssize_t wrote = write(fd, bytes, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes += wrote;
    size -= (size_t)wrote;
  }
  return true;
}

static bool put_file(const struct outgoing *outgoing)
{
  char temporary[NAME_SIZE_MAX + sizeof TEMPORARY];
  snprintf(temporary, sizeof temporary, TEMPORARY "%s", outgoing->name);
  int fd = openat(outgoing->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) return false;
  bool ok = write_all(fd, outgoing->bytes, outgoing->size) && fsync(fd) == 0;
  ok = close(fd) == 0 && ok;
  ok = ok && renameat(outgoing->fd, temporary, outgoing->fd, outgoing->name) == 0 && fsync(outgoing->fd) == 0;
  if (!ok) unlinkat(outgoing->fd, temporary, 0);
  return ok;
}

static void *write_files(void *user)
{
  struct filedrop *drop = user;
  static const uint64_t one = 1;
  pthread_mutex_lock(&drop->lock);
  for (;;) {
    while (drop->first == NO_SLOT && !drop->stop) pthread_cond_wait(&drop->queued, &drop->lock);
    if (drop->stop) break;
    uint32_t slot = drop->first;
    struct outgoing *outgoing = &drop->slots[slot];
    drop->first = outgoing->next;
    if (drop->first == NO_SLOT) drop->last = NO_SLOT;
    if (outgoing->cancelled) {
      outgoing->state = FAILED;
    } else {
      outgoing->state = WRITING;
      pthread_mutex_unlock(&drop->lock);
      bool ok = put_file(outgoing);
      pthread_mutex_lock(&drop->lock);
      outgoing->state = ok ? WRITTEN : FAILED;
    }
    outgoing->next = drop->done;
    drop->done = slot;
    ssize_t wrote = write(drop->wake, &one, sizeof one);
    (void)wrote; /* a full counter wakes, too */
  }
  pthread_mutex_unlock(&drop->lock);
  return NULL;
}

/* One that the writer has finished; NO_SLOT where there is none. */
static uint32_t take_done(struct filedrop *drop, bool *written, bool *cancelled)
{
  pthread_mutex_lock(&drop->lock);
  uint32_t slot = drop->done;
  if (slot != NO_SLOT) {
    struct outgoing *outgoing = &drop->slots[slot];
    drop->done = outgoing->next;
    *written = outgoing->state == WRITTEN;
    *cancelled = outgoing->cancelled;
    outgoing->state = *written && !*cancelled ? LEFT : FREE;
  }
  pthread_mutex_unlock(&drop->lock);
  return slot;
}

static void tell_written(struct filedrop *drop)
{
  bool written, cancelled;
  for (uint32_t slot; (slot = take_done(drop, &written, &cancelled)) != NO_SLOT;) {
    const struct outgoing *outgoing = &drop->slots[slot];
    if (written && cancelled) unlinkat(outgoing->fd, outgoing->name, 0); /* called back; where it is gone, it was taken */
    close(outgoing->fd);
    if (cancelled) continue;
    if (written)
      drop->events.left(drop->events.owner, slot, hf_time_now());
    else
      drop->events.failed(drop->events.owner, slot, HF_OUTCOME_NOT_CONNECTED, false, hf_time_now());
  }
}

/* --- what comes --- */

static void move(const struct institution *institution, enum folder from, enum folder to, const char *name)
{
  if (renameat(institution->fds[from], name, institution->fds[to], name) == 0) return;
  HF_LOG(HF_LOG_ALARM, "E2302", "a file cannot be moved: it is handed on again", HF_FIELD("institution", institution->code),
         HF_FIELD("file", name), HF_FIELD("error", strerror(errno)));
}

/* The file's bytes; NULL where it is no file or too large. */
static const uint8_t *read_file(int folder, const char *name, size_t *size)
{
  static uint8_t bytes[HF_ANSWER_BODY_SIZE_MAX + 1];
  struct stat about;
  int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return NULL;
  *size = 0;
  bool ok = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= HF_ANSWER_BODY_SIZE_MAX;
  for (ssize_t got = 1; ok && got > 0; *size += (size_t)got) {
    got = read(fd, bytes + *size, sizeof bytes - *size);
    ok = got >= 0;
    if (got < 0) break;
  }
  close(fd);
  return ok && *size <= HF_ANSWER_BODY_SIZE_MAX ? bytes : NULL;
}

/* False: there is no room for it now. */
static bool take_file(struct filedrop *drop, uint32_t index, enum folder from, const char *name)
{
  const struct institution *institution = &drop->institutions[index];
  size_t size;
  const uint8_t *bytes = read_file(institution->fds[from], name, &size);
  if (bytes == NULL) {
    HF_LOG(HF_LOG_WARN, "E2301", "what came is no file, or over 64 KiB", HF_FIELD("institution", institution->code),
           HF_FIELD("folder", folders[from]), HF_FIELD("file", name));
    move(institution, from, REFUSED, name);
    return true;
  }
  if (from == ERROR)
    HF_LOG(HF_LOG_WARN, "E2303", "the institution could not take a message", HF_FIELD("institution", institution->code),
           HF_FIELD("file", name));
  else if (!drop->events.heard(drop->events.owner, index, (struct hf_span){bytes, size}, hf_time_now()))
    return false;
  move(institution, from, DONE, name);
  return true;
}

/* Returns whether more may be there. */
static bool look_into(struct filedrop *drop, uint32_t index, enum folder from, uint32_t *budget)
{
  int fd = openat(drop->institutions[index].fds[from], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (folder == NULL) {
    if (fd >= 0) close(fd);
    return false;
  }
  bool more = false;
  for (const struct dirent *entry; !more && (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.' || strncmp(entry->d_name, TEMPORARY, strlen(TEMPORARY)) == 0) continue;
    more = *budget == 0 || !take_file(drop, index, from, entry->d_name);
    if (!more) (*budget)--;
  }
  closedir(folder);
  return more;
}

static void on_files(evutil_socket_t fd, short what, void *user)
{
  struct filedrop *drop = user;
  char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
  (void)what;
  for (ssize_t got; (got = read(fd, events, sizeof events)) > 0;)
    for (char *at = events; at < events + got; at += sizeof(struct inotify_event) + ((struct inotify_event *)(void *)at)->len)
      for (uint32_t i = 0; i < drop->institutions_count; i++)
        for (int folder = RESPONSE; folder <= ERROR; folder++)
          if (drop->institutions[i].watches[folder] == ((struct inotify_event *)(void *)at)->wd)
            drop->institutions[i].dirty = true;
}

static void on_written(evutil_socket_t fd, short what, void *user)
{
  uint64_t count;
  (void)what, (void)user; /* the turn tells */
  ssize_t got = read(fd, &count, sizeof count);
  (void)got;
}

static bool work(void *self, struct hf_time now)
{
  struct filedrop *drop = self;
  uint32_t budget = FILES_PER_TURN;
  bool more = false;
  if (drop->wake < 0) return false;
  tell_written(drop);
  bool all = now.mono_ns >= drop->look_ns;
  if (all) drop->look_ns = now.mono_ns + LOOK_EVERY_NS;
  for (uint32_t i = 0; i < drop->institutions_count; i++) {
    struct institution *institution = &drop->institutions[i];
    if (!institution->used || (!institution->dirty && !all)) continue;
    institution->dirty = false;
    for (int folder = RESPONSE; folder <= ERROR; folder++)
      institution->dirty |= look_into(drop, i, (enum folder)folder, &budget);
    more |= institution->dirty;
  }
  return more;
}

/* --- messages --- */

static struct hf_status send_file(void *self, uint32_t index, uint32_t slot, const struct hf_parcel *parcel)
{
  struct filedrop *drop = self;
  struct outgoing *outgoing = &drop->slots[slot];
  const struct institution *institution = &drop->institutions[index];
  struct hf_writer name = hf_writer_of(outgoing->name, sizeof outgoing->name - 5);
  pthread_mutex_lock(&drop->lock);
  bool busy = outgoing->state != FREE; /* called back, and the writer, or the turn behind it, still has it */
  pthread_mutex_unlock(&drop->lock);
  if (busy || !institution->used) return hf_fail(HF_STATUS_AGAIN, "the slot's last file is still being written");
  institution->dialect->file_name(parcel->order, &institution->row, &name);
  outgoing->size = parcel->body.size + parcel->headers.size;
  HF_ASSERT(outgoing->size <= sizeof outgoing->bytes && name.size > 0 && !name.full);
  memcpy(outgoing->name + name.size, ".xml", 5);
  memcpy(outgoing->bytes, parcel->body.data, parcel->body.size);
  if (parcel->headers.size > 0) memcpy(outgoing->bytes + parcel->body.size, parcel->headers.data, parcel->headers.size);
  outgoing->fd = fcntl(institution->fds[UPLOAD], F_DUPFD_CLOEXEC, 0);
  if (outgoing->fd < 0) return hf_fail(HF_STATUS_AGAIN, "no file descriptor is free");
  pthread_mutex_lock(&drop->lock);
  outgoing->state = QUEUED;
  outgoing->cancelled = false;
  outgoing->next = NO_SLOT;
  if (drop->last == NO_SLOT)
    drop->first = slot;
  else
    drop->slots[drop->last].next = slot;
  drop->last = slot;
  pthread_cond_signal(&drop->queued);
  pthread_mutex_unlock(&drop->lock);
  return hf_ok();
}

static void cancel(void *self, uint32_t slot)
{
  struct filedrop *drop = self;
  struct outgoing *outgoing = &drop->slots[slot];
  pthread_mutex_lock(&drop->lock);
  if (outgoing->state == LEFT) outgoing->state = FREE;
  if (outgoing->state != FREE) outgoing->cancelled = true; /* the writer, or the turn behind it, sees to the rest */
  pthread_mutex_unlock(&drop->lock);
}

static void warmth(void *self, uint32_t index, uint32_t *open, uint32_t *wanted)
{
  const struct filedrop *drop = self;
  *wanted = index < drop->institutions_count && drop->institutions[index].used ? 1 : 0;
  *open = *wanted == 1 && faccessat(drop->institutions[index].fds[UPLOAD], ".", W_OK, 0) == 0 ? 1 : 0;
}

/* --- institutions --- */

static void close_folders(struct filedrop *drop, struct institution *institution)
{
  for (int folder = 0; folder < FOLDERS; folder++) {
    if (institution->watches[folder] >= 0) inotify_rm_watch(drop->inotify, institution->watches[folder]);
    if (institution->fds[folder] >= 0) close(institution->fds[folder]);
    institution->fds[folder] = institution->watches[folder] = -1;
  }
}

/* done and refused are ours to make; the others are there, with the institution's rights on them. */
static bool open_folders(struct filedrop *drop, struct institution *institution)
{
  char path[HF_ENDPOINT_SIZE_MAX + 4096];
  for (int folder = 0; folder < FOLDERS; folder++) {
    snprintf(path, sizeof path, "%s/%s/%s", drop->config.drop, institution->place, folders[folder]);
    if (folder >= DONE) mkdir(path, 0750);
    institution->fds[folder] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (institution->fds[folder] < 0) return false;
    if (folder >= RESPONSE && folder <= ERROR)
      institution->watches[folder] = inotify_add_watch(drop->inotify, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
  }
  return true;
}

static void start(struct filedrop *drop)
{
  if (drop->wake >= 0) return;
  drop->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  drop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  HF_ASSERT(drop->inotify >= 0 && drop->wake >= 0);
  drop->on_files = event_new(drop->base, drop->inotify, EV_READ | EV_PERSIST, on_files, drop);
  drop->on_written = event_new(drop->base, drop->wake, EV_READ | EV_PERSIST, on_written, drop);
  event_add(drop->on_files, NULL);
  event_add(drop->on_written, NULL);
  HF_ASSERT(pthread_create(&drop->writer, NULL, write_files, drop) == 0);
}

/* file://NAME: a folder below filedrop.root, and no other. */
static bool read_endpoint(const char *text, char place[HF_ENDPOINT_SIZE_MAX + 1])
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  const char *name = text + strlen("file://");
  if (strncmp(text, "file://", strlen("file://")) != 0 || name[0] == '\0' || strspn(name, allowed) != strlen(name))
    return false;
  memcpy(place, name, strlen(name) + 1);
  return true;
}

static struct hf_status set_institution(void *self, uint32_t index, const struct hf_institution *row,
                                        const struct hf_dialect *dialect)
{
  struct filedrop *drop = self;
  HF_ASSERT(index < HF_INSTITUTIONS_MAX);
  struct institution *institution = &drop->institutions[index];
  char place[HF_ENDPOINT_SIZE_MAX + 1];
  if (!read_endpoint(row->endpoint, place))
    return hf_fail(HF_STATUS_CONFIG, "endpoint: file://NAME, a folder below filedrop.root");
  if (strcmp(drop->config.drop, "none") == 0) return hf_fail(HF_STATUS_CONFIG, "transport: filedrop.root is not configured");
  if (dialect->file_name == NULL || dialect->identify == NULL)
    return hf_fail(HF_STATUS_CONFIG, "transport: this dialect is not for files");
  start(drop);
  while (drop->institutions_count <= index) {
    struct institution *new = &drop->institutions[drop->institutions_count++];
    for (int folder = 0; folder < FOLDERS; folder++) new->fds[folder] = new->watches[folder] = -1;
  }
  bool moved = strcmp(institution->place, place) != 0;
  memcpy(institution->code, row->code, sizeof institution->code);
  institution->dialect = dialect;
  institution->row = *row;
  institution->used = false;
  if (moved) close_folders(drop, institution);
  memcpy(institution->place, place, sizeof place);
  if (institution->fds[REFUSED] < 0 && !open_folders(drop, institution)) {
    close_folders(drop, institution);
    return hf_fail(HF_STATUS_CONFIG, "endpoint: its folders upload, response, receive and error must be there");
  }
  institution->used = row->enabled;
  institution->dirty = true;
  return hf_ok();
}

/* --- life --- */

static struct hf_status open_filedrop(void **self, struct event_base *base, const struct hf_transport_config *config,
                                      const struct hf_transport_events *events)
{
  struct filedrop *drop = calloc(1, sizeof *drop);
  HF_ASSERT(drop != NULL);
  *self = drop;
  drop->base = base;
  drop->config = *config;
  drop->events = *events;
  drop->inotify = drop->wake = -1;
  drop->first = drop->last = drop->done = NO_SLOT;
  drop->institutions = calloc(HF_INSTITUTIONS_MAX, sizeof *drop->institutions);
  drop->slots = calloc(config->slots_count, sizeof *drop->slots);
  HF_ASSERT(drop->institutions != NULL && drop->slots != NULL);
  pthread_mutex_init(&drop->lock, NULL);
  pthread_cond_init(&drop->queued, NULL);
  return hf_ok();
}

static void close_filedrop(void *self)
{
  struct filedrop *drop = self;
  if (drop->wake >= 0) {
    pthread_mutex_lock(&drop->lock);
    drop->stop = true;
    pthread_cond_signal(&drop->queued);
    pthread_mutex_unlock(&drop->lock);
    pthread_join(drop->writer, NULL);
    for (uint32_t slot = 0; slot < drop->config.slots_count; slot++)
      if (drop->slots[slot].state != FREE && drop->slots[slot].state != LEFT) close(drop->slots[slot].fd);
    event_free(drop->on_files);
    event_free(drop->on_written);
    for (uint32_t i = 0; i < drop->institutions_count; i++) close_folders(drop, &drop->institutions[i]);
    close(drop->inotify);
    close(drop->wake);
  }
  pthread_cond_destroy(&drop->queued);
  pthread_mutex_destroy(&drop->lock);
  free(drop->institutions);
  free(drop->slots);
  free(drop);
}

const struct hf_transport hf_transport_filedrop = {.name = "filedrop",
                                                   .open = open_filedrop,
                                                   .close = close_filedrop,
                                                   .institution = set_institution,
                                                   .send = send_file,
                                                   .cancel = cancel,
                                                   .work = work,
                                                   .warmth = warmth};
