#include "engine/base/heap.h"
#include "engine/base/histogram.h"
#include "engine/base/ids.h"
#include "engine/base/map.h"
#include "engine/base/personal.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/base/wheel.h"
#include "tests/unit/unit.h"

static uint64_t state = 1;

static uint64_t any(uint64_t below)
{
  state += 0x9e3779b97f4a7c15ULL;
  return hf_mix64(state) % below;
}

/* Kafka's own test vectors (Utils.murmur2), so that Java producers and ours agree. */
static void partitions_agree_with_java(void **unused)
{
  static const struct {
    const char *key;
    int32_t hash;
  } rows[] = {{"21", -973932308},
              {"foobar", -790332482},
              {"a-little-bit-long-string", -985981536},
              {"a-little-bit-longer-string", -1486304829},
              {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
              {"abc", 479470107}};
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    for (uint32_t partitions = 1; partitions < 70; partitions++)
      assert_int_equal(hf_partition_of((const uint8_t *)rows[i].key, strlen(rows[i].key), partitions),
                       ((uint32_t)rows[i].hash & 0x7fffffff) % partitions);
}

/* Computed with Python's hashlib by tests/proofs/proof.py: order_id('01a20be9-b54e-7e01-a678-55a837dd7c3f', 'BANKA', '6222',
 * 'stop', 3). */
static void order_ids_depend_on_what_they_are(void **unused)
{
  (void)unused;
  char text[HF_UUID_TEXT_SIZE];
  struct hf_order_identity what = {
      .institution = "BANKA", .account = (const uint8_t *)"6222", .account_size = 4, .action = 1, .shard = 3};
  assert_int_equal(hf_uuid_parse("01A20BE9-b54e-7e01-a678-55a837dd7c3f", 36, &what.case_id.uuid).kind, HF_STATUS_OK);
  struct hf_order_id id = hf_order_id_make(&what);
  assert_string_equal(hf_uuid_text(id.uuid, text), "01a20be9-b54e-8003-9c9d-0af5e8da17a2");
  assert_int_equal(hf_order_id_shard(id), 3);
  assert_int_equal(hf_uuid_version(id.uuid), 8);
  what.ordinal = 1;
  assert_false(hf_uuid_equal(id.uuid, hf_order_id_make(&what).uuid));
}

static void uuids_are_read_strictly(void **unused)
{
  static const char *const wrong[] = {"", "01a20be9b54e7e01a67855a837dd7c3f", "01a20be9-b54e-7e01-a678-55a837dd7c3",
                                      "01a20be9-b54e-7e01-a678-55a837dd7c3g", "{01a20be9-b54e-7e01-a678-55a837dd7c3}"};
  struct hf_uuid id = {{1}};
  (void)unused;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_int_equal(hf_uuid_parse(wrong[i], strlen(wrong[i]), &id).kind, HF_STATUS_MALFORMED);
  assert_int_equal(id.bytes[0], 1);
}

static void amounts_are_read_exactly(void **unused)
{
  static const struct {
    const char *text;
    int64_t minor;
  } rows[] = {{"0", 0},
              {"1", 100},
              {"1.5", 150},
              {"1234.05", 123405},
              {"-3.20", INT64_MIN},
              {"", INT64_MIN},
              {".5", INT64_MIN},
              {"1.", INT64_MIN},
              {"1.005", INT64_MIN},
              {"1e3", INT64_MIN},
              {" 1", INT64_MIN},
              {"92233720368547758.08", INT64_MIN},
              {"99999999999999999999", INT64_MIN}};
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (hf_amount_parse(rows[i].text) != rows[i].minor)
      fail_msg("%s became %lld", rows[i].text, (long long)hf_amount_parse(rows[i].text));
}

static void times_go_there_and_back(void **unused)
{
  char text[HF_TIME_TEXT_SIZE];
  (void)unused;
  assert_string_equal(hf_time_text(1700000000123456789LL, text), "2023-11-14T22:13:20.123456Z");
  assert_int_equal(hf_time_parse("2023-11-14T22:13:20.123456789Z"), 1700000000123456789LL);
  assert_int_equal(hf_time_parse("2023-11-15T06:13:20+08:00"), 1700000000LL * HF_NS_PER_S);
  static const char *const wrong[] = {"",
                                      "2023-11-14",
                                      "2023-11-14T22:13:20",
                                      "2023-13-14T22:13:20Z",
                                      "2023-02-30T00:00:00Z",
                                      "2023-11-14T24:13:20Z",
                                      "2023-11-14T22:13:20.Z",
                                      "2023-11-14T22:13:-5Z",
                                      "2023-02-29T00:00:00Z",
                                      "2262-01-01T00:00:00Z",
                                      "3022-11-14T22:13:20Z",
                                      "9999-12-31T23:59:60-99:59",
                                      "2023-11-14T22:13:20Zx"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    if (hf_time_parse(wrong[i]) != INT64_MIN) fail_msg("%s was read as a time", wrong[i]);
}

static void readers_stay_failed(void **unused)
{
  (void)unused;
  static const uint8_t eleven[11] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  struct hf_reader reader = hf_reader_of((struct hf_span){eleven, sizeof eleven});
  hf_read_varint(&reader);
  assert_true(reader.failed);
  assert_int_equal(hf_read_u8(&reader), 0);
  reader = hf_reader_of((struct hf_span){(const uint8_t *)"\xac\x02z", 3});
  assert_int_equal(hf_read_varint(&reader), 300);
  assert_int_equal(hf_read_span(&reader, 2).size, 0);
  assert_true(reader.failed);
}

static void writers_stay_full(void **unused)
{
  char out[16];
  (void)unused;
  struct hf_writer writer = hf_writer_of(out, sizeof out);
  hf_write_text(&writer, "1234567890abcdefg");
  hf_write_text(&writer, "1");
  assert_true(writer.full);
  writer = hf_writer_of(out, sizeof out);
  hf_write_json_string(&writer, "\"\n", 2);
  assert_false(writer.full);
  assert_int_equal(writer.size, 10);
  assert_memory_equal(out, "\"\\\"\\u000a\"", 10);
}

static void base64_is_strict(void **unused)
{
  uint8_t out[16];
  (void)unused;
  assert_int_equal(hf_base64_decode("aGVsbG8=", 8, out, sizeof out), 5);
  assert_memory_equal(out, "hello", 5);
  assert_int_equal(hf_base64_decode("aGVsbG8", 7, out, sizeof out), SIZE_MAX);
  assert_int_equal(hf_base64_decode("aGVs*G8=", 8, out, sizeof out), SIZE_MAX);
  assert_int_equal(hf_base64_decode("aGVsbG8=", 8, out, 4), SIZE_MAX);
}

static void names_and_numbers_have_bounds(void **unused)
{
  struct hf_account_number number;
  struct hf_name name;
  char text[HF_MASK_TEXT_SIZE];
  (void)unused;
  assert_int_equal(hf_account_number_set(&number, "622202'; drop", 13).kind, HF_STATUS_MALFORMED);
  assert_int_equal(hf_account_number_set(&number, "", 0).kind, HF_STATUS_MALFORMED);
  assert_int_equal(hf_account_number_set(&number, "6222020000001234", 16).kind, HF_STATUS_OK);
  assert_string_equal(hf_mask_account(&number, text), "622202******1234");
  assert_int_equal(hf_name_set(&name, "\xff\xfe", 2).kind, HF_STATUS_MALFORMED);
  assert_int_equal(hf_name_set(&name, "a\nb", 3).kind, HF_STATUS_MALFORMED);
  assert_int_equal(hf_name_set(&name, "张三", 6).kind, HF_STATUS_OK);
  assert_string_equal(hf_mask_name(&name, text), "张*");
}

#define ITEMS 500

static void maps_do_as_a_list_does(void **unused)
{
  struct hf_map map;
  void *memory = calloc(1, hf_map_memory_size(ITEMS));
  uint32_t values[ITEMS] = {0};
  (void)unused;
  hf_map_init(&map, memory, ITEMS);
  for (int step = 0; step < 100000; step++) {
    uint32_t item = (uint32_t)any(ITEMS);
    struct hf_uuid key = {{(uint8_t)item, (uint8_t)(item >> 8), 9}};
    assert_int_equal(hf_map_get(&map, key), values[item]);
    if (values[item] == 0)
      hf_map_put(&map, key, values[item] = 1 + (uint32_t)any(1000));
    else
      assert_int_equal(hf_map_remove(&map, key), values[item]), values[item] = 0;
  }
  free(memory);
}

static void heaps_give_the_smallest(void **unused)
{
  static struct hf_heap_entry entries[ITEMS + 1];
  static uint32_t places[ITEMS + 1];
  static int64_t keys[ITEMS + 1]; /* 0: not in */
  struct hf_heap heap;
  (void)unused;
  hf_heap_init(&heap, entries, places, ITEMS);
  for (int step = 0; step < 50000; step++) {
    uint32_t item = 1 + (uint32_t)any(ITEMS), smallest = 0;
    if (any(3) != 0)
      hf_heap_put(&heap, item, (struct hf_heap_key){keys[item] = 1 + (int64_t)any(100), 0});
    else
      hf_heap_remove(&heap, item), keys[item] = 0;
    if (step % 50 != 0) continue;
    for (uint32_t i = 1; i <= ITEMS; i++)
      if (keys[i] != 0 && (smallest == 0 || keys[i] < keys[smallest])) smallest = i;
    const struct hf_heap_entry *first = hf_heap_first(&heap);
    if (smallest == 0)
      assert_null(first);
    else
      assert_int_equal(first->item, smallest);
  }
}

/* Last of all: it is for the rest of the process. */
static void a_steady_clock_goes_with_the_monotonic_one(void **unused)
{
  (void)unused;
  const struct hf_time machine = hf_time_now();
  struct hf_clock clock = hf_time_clock();
  assert_true(clock.ahead_ns > -HF_NS_PER_S && clock.ahead_ns < HF_NS_PER_S && clock.error_ns >= 0);
  hf_time_steady();
  const struct hf_time one = hf_time_now(), two = hf_time_now();
  assert_true(one.wall_ns - two.wall_ns == one.mono_ns - two.mono_ns); /* to the nanosecond: from one reading */
  assert_true(one.wall_ns - machine.wall_ns > -HF_NS_PER_S && one.wall_ns - machine.wall_ns < HF_NS_PER_S);
  clock = hf_time_clock();
  assert_true(clock.ahead_ns > -HF_NS_PER_S && clock.ahead_ns < HF_NS_PER_S);
}

static void wheels_fire_each_timer_once_in_time(void **unused)
{
  static struct hf_wheel wheel;
  static struct hf_wheel_timer timers[ITEMS + 1];
  static int64_t due[ITEMS + 1];
  int64_t now = 5 * HF_NS_PER_S;
  (void)unused;
  hf_wheel_init(&wheel, timers, ITEMS, now);
  for (int step = 0; step < 20000; step++) {
    uint32_t item = 1 + (uint32_t)any(ITEMS);
    int64_t ahead = any(10) == 0 ? (int64_t)any(3600ULL * HF_NS_PER_S) : (int64_t)any(300 * HF_NS_PER_MS);
    if (any(4) == 0)
      hf_wheel_cancel(&wheel, item), due[item] = 0;
    else
      hf_wheel_arm(&wheel, item, due[item] = now + ahead + 1);
    int64_t next = hf_wheel_next(&wheel);
    for (uint32_t i = 1; i <= ITEMS; i++) assert_true(due[i] == 0 || next <= due[i] + HF_NS_PER_MS);
    now += (int64_t)any(any(50) == 0 ? 60 * HF_NS_PER_S : 5 * HF_NS_PER_MS);
    for (uint32_t fired; (fired = hf_wheel_pop(&wheel, now)) != 0; due[fired] = 0)
      assert_true(due[fired] != 0 && due[fired] <= now + HF_NS_PER_MS);
    for (uint32_t i = 1; i <= ITEMS; i++) assert_true(due[i] == 0 || due[i] > now - HF_NS_PER_MS);
  }
}

static void histograms_are_right_to_one_part_in_64(void **unused)
{
  static struct hf_histogram histogram;
  (void)unused;
  assert_int_equal(hf_histogram_quantile(&histogram, 0.5), 0);
  for (int64_t i = 1; i <= 100000; i++) hf_histogram_add(&histogram, i * 1000);
  static const double quantiles[] = {0.01, 0.5, 0.99, 0.999, 1};
  for (size_t i = 0; i < 5; i++) {
    int64_t exact = (int64_t)(quantiles[i] * 100000) * 1000, got = hf_histogram_quantile(&histogram, quantiles[i]);
    assert_true(got >= exact && got <= exact + exact / 32);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(partitions_agree_with_java),
                                     cmocka_unit_test(order_ids_depend_on_what_they_are),
                                     cmocka_unit_test(uuids_are_read_strictly),
                                     cmocka_unit_test(amounts_are_read_exactly),
                                     cmocka_unit_test(times_go_there_and_back),
                                     cmocka_unit_test(readers_stay_failed),
                                     cmocka_unit_test(writers_stay_full),
                                     cmocka_unit_test(base64_is_strict),
                                     cmocka_unit_test(names_and_numbers_have_bounds),
                                     cmocka_unit_test(maps_do_as_a_list_does),
                                     cmocka_unit_test(heaps_give_the_smallest),
                                     cmocka_unit_test(wheels_fire_each_timer_once_in_time),
                                     cmocka_unit_test(histograms_are_right_to_one_part_in_64),
                                     cmocka_unit_test(a_steady_clock_goes_with_the_monotonic_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
