/* The file drop by itself, with its writer's thread: what is written, called back, handed on. Runs with the thread sanitizer,
 * too. */
#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/transport.h"
#include "tests/unit/unit.h"

#define SLOTS 64

static char root[] = "/tmp/holdfast-unit-drop-XXXXXX";
static struct event_base *base;
static void *drop;
static uint32_t left_count, failed_count, heard_count;
static bool left_of[SLOTS];
static bool has_room = true;
static char heard_last[64];

static void on_left(void *owner, uint32_t slot, struct hf_time at)
{
  (void)owner, (void)at;
  assert_false(left_of[slot]);
  left_of[slot] = true;
  left_count++;
}

static void on_failed(void *owner, uint32_t slot, enum hf_outcome outcome, bool left, struct hf_time at)
{
  (void)owner, (void)slot, (void)at;
  assert_int_equal(outcome, HF_OUTCOME_NOT_CONNECTED);
  assert_false(left);
  failed_count++;
}

static void on_replied(void *owner, uint32_t slot, const struct hf_reply *reply, struct hf_time at)
{
  (void)owner, (void)slot, (void)reply, (void)at;
  fail_msg("files have no replies");
}

static bool on_heard(void *owner, uint32_t index, struct hf_span body, struct hf_time at)
{
  (void)owner, (void)at;
  assert_int_equal(index, 3);
  if (!has_room) return false;
  snprintf(heard_last, sizeof heard_last, "%.*s", (int)body.size, (const char *)body.data);
  heard_count++;
  return true;
}

static void file_name(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *name)
{
  (void)row;
  hf_write_text(name, "order_");
  hf_write_int(name, order->ordinal);
}

static struct hf_status identify(struct hf_span bytes, const struct hf_institution *row, struct hf_order_id *id)
{
  (void)bytes, (void)row, (void)id;
  return hf_ok();
}

static const struct hf_dialect dialect = {.name = "test", .file_name = file_name, .identify = identify};
static const struct hf_institution row = {.code = "BANKE", .endpoint = "file://BANKE", .enabled = true};

static const char *path_of(const char *below)
{
  static char path[256];
  snprintf(path, sizeof path, "%s/BANKE/%s", root, below);
  return path;
}

static void put(const char *below, const char *text)
{
  FILE *out = fopen(path_of(below), "we");
  assert_non_null(out);
  fputs(text, out);
  fclose(out);
}

static void send_one(uint32_t slot)
{
  struct hf_order order = {.ordinal = slot};
  const struct hf_parcel parcel = {
      .order = &order, .body = {(const uint8_t *)"<a/>", 4}, .headers = {(const uint8_t *)"<?s?>", 5}};
  left_of[slot] = false;
  assert_true(hf_is_ok(hf_transport_filedrop.send(drop, 3, slot, &parcel)));
}

/* Turns the loop until *count is there. */
static void until(const uint32_t *count, uint32_t wanted)
{
  for (int turns = 0; *count < wanted && turns < 2000; turns++) {
    (void)hf_transport_filedrop.work(drop, hf_time_now());
    struct timeval after = {0, 5000};
    event_base_loopexit(base, &after);
    event_base_dispatch(base);
  }
  assert_int_equal(*count, wanted);
}

static int open_drop(void **unused)
{
  static const char *const folders[] = {"", "upload", "response", "receive", "error"};
  (void)unused;
  if (mkdtemp(root) == NULL) return -1;
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) mkdir(path_of(folders[i]), 0700);
  base = event_base_new();
  const struct hf_transport_config config = {.slots_count = SLOTS, .drop = root};
  const struct hf_transport_events events = {.left = on_left, .replied = on_replied, .heard = on_heard, .failed = on_failed};
  assert_true(hf_is_ok(hf_transport_filedrop.open(&drop, base, &config, &events)));
  assert_true(hf_is_ok(hf_transport_filedrop.institution(drop, 3, &row, &dialect)));
  return 0;
}

static int close_drop(void **unused)
{
  char command[300];
  (void)unused;
  hf_transport_filedrop.close(drop);
  event_base_free(base);
  snprintf(command, sizeof command, "rm -rf %s", root);
  return system(command);
}

static void whole_files_leave(void **unused)
{
  (void)unused;
  for (uint32_t slot = 0; slot < SLOTS; slot++) send_one(slot);
  until(&left_count, SLOTS);
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    char below[64], text[32] = "";
    snprintf(below, sizeof below, "upload/order_%u.xml", slot);
    FILE *in = fopen(path_of(below), "re");
    assert_non_null(in);
    assert_int_equal(fread(text, 1, sizeof text, in), 9);
    fclose(in);
    assert_string_equal(text, "<a/><?s?>");
    hf_transport_filedrop.cancel(drop, slot); /* answered: what has left stays */
    assert_int_equal(access(path_of(below), F_OK), 0);
    unlink(path_of(below));
  }
}

/* Called back at once, before, while or after it is written: it is not there in the end, and nothing says that it left. */
static void what_is_called_back_is_taken_away(void **unused)
{
  (void)unused;
  uint32_t before = left_count;
  for (int round = 0; round < 20; round++)
    for (uint32_t slot = 0; slot < SLOTS - 1; slot++) {
      struct hf_order order = {.ordinal = slot};
      const struct hf_parcel parcel = {.order = &order, .body = {(const uint8_t *)"<a/>", 4}};
      if (!hf_is_ok(hf_transport_filedrop.send(drop, 3, slot, &parcel))) continue; /* its last file is still being seen to */
      if (slot % 7 == 0) usleep(50);
      hf_transport_filedrop.cancel(drop, slot);
    }
  send_one(SLOTS - 1);
  until(&left_count, before + 1);
  assert_true(left_of[SLOTS - 1]);
  hf_transport_filedrop.cancel(drop, SLOTS - 1);
  unlink(path_of("upload/order_63.xml"));
  DIR *folder = opendir(path_of("upload"));
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
    if (entry->d_name[0] != '.') fail_msg("%s is still there", entry->d_name);
  closedir(folder);
}

static void what_comes_is_handed_on_once(void **unused)
{
  (void)unused;
  put("receive/temp_1", "half");
  put("response/a.xml", "one");
  until(&heard_count, 1);
  assert_string_equal(heard_last, "one");
  assert_int_equal(access(path_of("done/a.xml"), F_OK), 0);
  has_room = false;
  put("receive/b.xml", "two");
  for (int i = 0; i < 20; i++) (void)hf_transport_filedrop.work(drop, hf_time_now());
  assert_int_equal(heard_count, 1);
  has_room = true;
  until(&heard_count, 2);
  assert_string_equal(heard_last, "two");
  assert_int_equal(access(path_of("receive/temp_1"), F_OK), 0);
}

static void a_folder_that_is_gone_is_told(void **unused)
{
  (void)unused;
  uint32_t open, wanted;
  hf_transport_filedrop.warmth(drop, 3, &open, &wanted);
  assert_true(open == 1 && wanted == 1);
  struct hf_institution other = row;
  strcpy(other.endpoint, "file://NOWHERE");
  assert_int_equal(hf_transport_filedrop.institution(drop, 3, &other, &dialect).kind, HF_STATUS_CONFIG);
  hf_transport_filedrop.warmth(drop, 3, &open, &wanted);
  assert_int_equal(wanted, 0);
  assert_true(hf_is_ok(hf_transport_filedrop.institution(drop, 3, &row, &dialect)));
  send_one(0);
  uint32_t wanted_left = left_count + 1;
  until(&left_count, wanted_left);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(whole_files_leave), cmocka_unit_test(what_is_called_back_is_taken_away),
                                     cmocka_unit_test(what_comes_is_handed_on_once),
                                     cmocka_unit_test(a_folder_that_is_gone_is_told)};
  return cmocka_run_group_tests(tests, open_drop, close_drop);
}
