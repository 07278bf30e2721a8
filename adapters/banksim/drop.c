/*
 * Drop: a bank that the platform reaches by files: upload is read, receipts go into response, feedback into receive, what could
 * not be taken into error (domain.md 3.1). What is said in the files is the platform's speech.
 */
#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/banksim/answer.h"
#include "adapters/banksim/speech.h"

struct drop {
  struct bank *bank;
  char folder[512];
  unsigned written;
};

struct passage {
  struct drop *drop;
  json_t *order;
};

/* Writes it and frees it. */
static void put_file(struct drop *drop, const char *folder, struct frame frame)
{
  char temporary[640], file[640];
  drop->written++;
  snprintf(temporary, sizeof temporary, "%s/%s/temp_%d_%u", drop->folder, folder, (int)getpid(), drop->written);
  snprintf(file, sizeof file, "%s/%s/100102_%d_%u.xml", drop->folder, folder, (int)getpid(), drop->written);
  FILE *out = frame.bytes == NULL ? NULL : fopen(temporary, "we");
  if (out != NULL) {
    fwrite(frame.bytes, 1, frame.size, out);
    fclose(out);
    rename(temporary, file);
  }
  free(frame.bytes);
}

static void decide(struct drop *drop, json_t *order, int after_ms);

static void send_files(struct answer *answer)
{
  struct passage *passage = answer->to;
  struct drop *drop = passage->drop;
  const struct bank *bank = drop->bank;
  bool taken = answer->verdict.status == 200;
  if (bank->fault == FAULT_GARBAGE) {
    put_file(drop, "receive", (struct frame){(uint8_t *)strdup(answer->verdict.body), strlen(answer->verdict.body)});
  } else if (bank->fault != FAULT_RESET) {
    struct frame feedback =
        taken ? speech_platform.feedback(bank, passage->order, answer->verdict.body) : (struct frame){NULL, 0};
    put_file(drop, "response", speech_platform.receipt(bank, passage->order, taken));
    if (feedback.bytes != NULL)
      put_file(drop, "receive", feedback);
    else if (taken) /* not ready yet: nobody asks again */
      decide(drop, json_incref(passage->order), 2100);
  }
  json_decref(passage->order);
  free(passage);
  answer_free(answer);
}

static void decide(struct drop *drop, json_t *order, int after_ms)
{
  struct passage *passage = malloc(sizeof *passage);
  char *text = json_dumps(order, JSON_COMPACT);
  if (passage == NULL || text == NULL) abort();
  *passage = (struct passage){drop, order};
  struct answer *answer = answer_new(drop->bank, send_files, passage);
  drop->bank->swallows = after_ms == 0;
  bank_decide(drop->bank, text, strlen(text), &answer->verdict);
  if (after_ms > 0) answer->verdict.delay_ms = after_ms;
  free(text);
  if (!answer->verdict.silent) {
    answer_later(answer);
    return;
  }
  json_decref(order); /* nobody will ever be answered */
  free(passage);
  answer_free(answer);
}

static void take_file(struct drop *drop, const char *name)
{
  char file[800];
  static uint8_t bytes[65536];
  struct frame reply = {NULL, 0};
  snprintf(file, sizeof file, "%s/upload/%s", drop->folder, name);
  FILE *in = fopen(file, "re");
  if (in == NULL) return;
  size_t size = fread(bytes, 1, sizeof bytes, in);
  fclose(in);
  unlink(file);
  json_t *order = speech_platform.read(drop->bank, bytes, size, &reply);
  if (order != NULL)
    decide(drop, order, 0);
  else
    put_file(drop, "error", reply);
}

static void on_look(evutil_socket_t fd, short what, void *user)
{
  struct drop *drop = user;
  char path[600];
  (void)fd, (void)what;
  snprintf(path, sizeof path, "%s/upload", drop->folder);
  DIR *folder = opendir(path);
  for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
    if (entry->d_name[0] != '.' && strncmp(entry->d_name, "temp", 4) != 0) take_file(drop, entry->d_name);
  if (folder != NULL) closedir(folder);
}

void drop_open(struct event_base *base, const char *root, struct bank *bank)
{
  static const char *const folders[] = {"", "/upload", "/response", "/receive", "/error"};
  struct drop *drop = calloc(1, sizeof *drop);
  if (drop == NULL || root == NULL) {
    fprintf(stderr, "banksim: %s: --drop is missing\n", bank->code);
    exit(2);
  }
  drop->bank = bank;
  snprintf(drop->folder, sizeof drop->folder, "%s/%s", root, bank->code);
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
    char path[600];
    snprintf(path, sizeof path, "%s%s", drop->folder, folders[i]);
    mkdir(path, 0770);
  }
  event_add(event_new(base, -1, EV_PERSIST, on_look, drop), &(struct timeval){0, 5000});
}
