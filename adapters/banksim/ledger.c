#include "adapters/banksim/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/base/map.h"

#define ORDERS_MAX (1u << 21)

struct ledger {
  FILE *file;
  bool dirty;
  struct ledger_entry *entries; /* 1…count */
  uint32_t count, capacity;
  struct hf_map by_order;
};

static int64_t now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct hf_uuid key_of(const char *text)
{
  uint8_t digest[HF_SHA256_SIZE];
  struct hf_uuid key;
  hf_sha256_of(text, strlen(text), digest);
  memcpy(key.bytes, digest, sizeof key.bytes);
  return key;
}

char *ledger_token(const char *number, char text[40])
{
  return hf_uuid_text(key_of(number), text);
}

static struct ledger_entry *remember(struct ledger *ledger, const struct ledger_entry *entry)
{
  if (ledger->count + 1 >= ledger->capacity) {
    ledger->capacity = ledger->capacity == 0 ? 1024 : ledger->capacity * 2;
    ledger->entries = realloc(ledger->entries, ledger->capacity * sizeof *ledger->entries);
    HF_ASSERT(ledger->entries != NULL);
  }
  ledger->entries[++ledger->count] = *entry;
  hf_map_put(&ledger->by_order, key_of(entry->order_id), ledger->count);
  return &ledger->entries[ledger->count];
}

struct ledger *ledger_open(const char *path)
{
  struct ledger *ledger = calloc(1, sizeof *ledger);
  void *orders = calloc(1, hf_map_memory_size(ORDERS_MAX));
  HF_ASSERT(ledger != NULL && orders != NULL);
  hf_map_init(&ledger->by_order, orders, ORDERS_MAX);
  FILE *old = fopen(path, "re");
  char line[768];
  while (old != NULL && fgets(line, sizeof line, old) != NULL) {
    struct ledger_entry entry = {.balance = 0};
    if (sscanf(line,
               "{\"order\":\"%36[^\"]\",\"case\":\"%*[^\"]\",\"account\":\"%36[^\"]\",\"action\":\"%15[^\"]\",\"effect\":1,"
               "\"result\":\"%4[^\"]\",\"executed_us\":%" SCNd64 ",\"until_us\":%" SCNd64 ",\"balance\":%" SCNd64
               ",\"held\":%" SCNd64,
               entry.order_id, entry.account, entry.action, entry.result, &entry.executed_us, &entry.until_us, &entry.balance,
               &entry.held) == 8)
      remember(ledger, &entry);
  }
  if (old != NULL) fclose(old);
  ledger->file = fopen(path, "ae");
  if (ledger->file != NULL) return ledger;
  ledger_close(ledger);
  return NULL;
}

void ledger_close(struct ledger *ledger)
{
  if (ledger->file != NULL) fclose(ledger->file);
  free(ledger->entries);
  free(ledger->by_order.entries);
  free(ledger);
}

void ledger_visit(const struct ledger *ledger, void (*visit)(void *owner, const struct ledger_entry *entry), void *owner)
{
  for (uint32_t i = 1; i <= ledger->count; i++) visit(owner, &ledger->entries[i]);
}

const struct ledger_entry *ledger_find(const struct ledger *ledger, const char *order_id)
{
  uint32_t index = hf_map_get(&ledger->by_order, key_of(order_id));
  return index == 0 ? NULL : &ledger->entries[index];
}

const struct ledger_entry *ledger_add(struct ledger *ledger, const struct ledger_entry *entry, const char *case_id)
{
  fprintf(ledger->file,
          "{\"order\":\"%s\",\"case\":\"%s\",\"account\":\"%s\",\"action\":\"%s\",\"effect\":1,\"result\":\"%s\",\"executed_"
          "us\":%" PRId64 ",\"until_us\":%" PRId64 ",\"balance\":%" PRId64 ",\"held\":%" PRId64 "}\n",
          entry->order_id, case_id[0] == '\0' ? "-" : case_id, entry->account, entry->action, entry->result, entry->executed_us,
          entry->until_us, entry->balance, entry->held);
  ledger->dirty = true;
  return remember(ledger, entry);
}

void ledger_repeat(struct ledger *ledger, const struct ledger_entry *entry)
{
  fprintf(ledger->file, "{\"order\":\"%s\",\"repeat_us\":%" PRId64 "}\n", entry->order_id, now_us());
  ledger->dirty = true;
}

void ledger_sync(struct ledger *ledger, bool to_disk)
{
  if (!ledger->dirty) return;
  /* a witness that lost its notes is none */
  HF_ASSERT(fflush(ledger->file) == 0 && (!to_disk || fdatasync(fileno(ledger->file)) == 0));
  ledger->dirty = false;
}
