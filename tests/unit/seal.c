/* Personal data: sealed facts say nothing in clear, open again to the same fact, and to nothing else. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/codec/codec.h"
#include "engine/record/keys.h"
#include "engine/seal/keyfile.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/holdfast-seal-XXXXXX";
static char file[128];
static struct hf_seal *seal;

static const struct hf_data_key_place place = {.shard = 3, .case_id.uuid.bytes = {1, 2, 3}, .first_seq = 7};

static int make_file(void **unused)
{
  (void)unused;
  assert_non_null(mkdtemp(folder));
  snprintf(file, sizeof file, "%s/personal.keys", folder);
  assert_true(hf_is_ok(hf_seal_file_make(file)));
  assert_true(hf_is_ok(hf_seal_open(&seal, file)));
  return 0;
}

static int remove_file(void **unused)
{
  (void)unused;
  hf_seal_close(seal);
  unlink(file);
  return rmdir(folder);
}

/* The largest that a field may be, of one character. */
static void fill_party(struct hf_party *party, char c)
{
  char text[HF_NAME_SIZE_MAX];
  memset(text, c, sizeof text);
  assert_true(hf_is_ok(hf_account_number_set(&party->account, text, HF_ACCOUNT_NUMBER_SIZE_MAX)));
  assert_true(hf_is_ok(hf_name_set(&party->name, text, HF_NAME_SIZE_MAX)));
  strcpy(party->institution, "BANKA");
}

static struct hf_fact transfer_of(uint64_t seq)
{
  struct hf_fact fact = {.kind = HF_FACT_TRANSFER_CLAIMED, .shard = place.shard, .seq = seq, .case_id = place.case_id};
  fill_party(&fact.transfer.transfer.payer, 'P');
  fill_party(&fact.transfer.transfer.payee, 'Q');
  fact.transfer.transfer.amount = 5;
  fact.transfer.transfer.currency = HF_CURRENCY_CNY;
  return fact;
}

static void a_sealed_fact_opens_again_and_says_nothing_in_clear(void **unused)
{
  static uint8_t encoded[HF_FACT_ENCODED_SIZE_MAX];
  uint8_t sealed[HF_SEALED_SIZE_MAX];
  struct hf_data_key key;
  struct hf_wrapped_key wrapped;
  struct hf_span found;
  struct hf_fact fact = transfer_of(8), back;
  const struct hf_fact clear = fact;
  (void)unused;
  hf_seal_key_make(seal, &place, &key, &wrapped);
  size_t size = hf_seal_fact(seal, &key, &fact, sealed);
  assert_int_equal(size, HF_SEALED_SIZE_MAX); /* the bound is what two full parties need */
  size_t whole = hf_fact_encode(&fact, "boot", (struct hf_span){sealed, size}, encoded, sizeof encoded);
  assert_true(whole > 0);
  assert_null(memmem(encoded, whole, "PPPPPPP", 7)); /* six and four characters may be seen */
  assert_null(memmem(encoded, whole, "QQQQQQQ", 7));
  assert_true(hf_is_ok(hf_fact_decode((struct hf_span){encoded, whole}, &back, &found)));
  assert_true(hf_seal_is_personal(&back));
  assert_memory_equal(back.transfer.transfer.payee.account.bytes, "QQQQQQ******QQQQ~", 17);
  assert_true(hf_is_ok(hf_seal_fact_open(seal, &key, found, &back)));
  assert_true(hf_account_number_equal(&back.transfer.transfer.payer.account, &clear.transfer.transfer.payer.account));
  assert_true(hf_name_equal(&back.transfer.transfer.payee.name, &clear.transfer.transfer.payee.name));
  assert_int_equal(back.transfer.transfer.amount, 5);
}

static void nothing_else_opens_it(void **unused)
{
  uint8_t sealed[HF_SEALED_SIZE_MAX];
  struct hf_data_key key, other;
  struct hf_wrapped_key wrapped;
  struct hf_fact fact = transfer_of(8);
  (void)unused;
  hf_seal_key_make(seal, &place, &key, &wrapped);
  hf_seal_key_make(seal, &place, &other, &wrapped);
  size_t size = hf_seal_fact(seal, &key, &fact, sealed);
  const struct hf_span bytes = {sealed, size};
  struct hf_fact wrong = fact;
  assert_false(hf_is_ok(hf_seal_fact_open(seal, &other, bytes, &wrong)));
  wrong = fact, wrong.seq++;
  assert_false(hf_is_ok(hf_seal_fact_open(seal, &key, bytes, &wrong)));
  wrong = fact, wrong.shard++;
  assert_false(hf_is_ok(hf_seal_fact_open(seal, &key, bytes, &wrong)));
  wrong = fact, wrong.case_id.uuid.bytes[15] ^= 1;
  assert_false(hf_is_ok(hf_seal_fact_open(seal, &key, bytes, &wrong)));
  wrong = fact, wrong.transfer.transfer.payer.name.size = 0; /* a field fewer than there are values */
  assert_false(hf_is_ok(hf_seal_fact_open(seal, &key, bytes, &wrong)));
  for (size_t at = 0; at < size; at++) {
    sealed[at] ^= 1;
    wrong = fact;
    assert_false(hf_is_ok(hf_seal_fact_open(seal, &key, bytes, &wrong)));
    sealed[at] ^= 1;
  }
  for (size_t cut = 0; cut < size; cut++) {
    wrong = fact;
    assert_false(hf_is_ok(hf_seal_fact_open(seal, &key, (struct hf_span){sealed, cut}, &wrong)));
  }
  wrong = fact;
  assert_true(hf_is_ok(hf_seal_fact_open(seal, &key, bytes, &wrong)));
}

/* Its accounts would be looked up in vain: said, not borne. */
static void another_token_key_is_noticed(void **unused)
{
  uint8_t sealed[HF_SEALED_SIZE_MAX];
  struct hf_data_key key;
  struct hf_wrapped_key wrapped;
  struct hf_fact fact = transfer_of(8);
  struct hf_seal *other;
  char another[160];
  (void)unused;
  snprintf(another, sizeof another, "%s/another", folder);
  assert_true(hf_is_ok(hf_seal_file_make(another)));
  assert_true(hf_is_ok(hf_seal_open(&other, another)));
  unlink(another);
  hf_seal_key_make(seal, &place, &key, &wrapped);
  size_t size = hf_seal_fact(seal, &key, &fact, sealed);
  struct hf_status status = hf_seal_fact_open(other, &key, (struct hf_span){sealed, size}, &fact);
  assert_int_equal(status.kind, HF_STATUS_REFUSED);
  assert_non_null(strstr(status.why, "another token key"));
  hf_seal_close(other);
}

/* A fact that names nobody needs no key. */
static void what_is_not_personal_is_left_alone(void **unused)
{
  uint8_t sealed[HF_SEALED_SIZE_MAX];
  struct hf_data_key key = {{0}};
  struct hf_fact fact = {.kind = HF_FACT_ORDER_SENT, .shard = 1, .seq = 1};
  const struct hf_fact before = fact;
  (void)unused;
  for (unsigned kind = 1; kind < HF_FACT_COUNT; kind++) {
    struct hf_fact empty = {.kind = (enum hf_fact_kind)kind};
    assert_false(hf_seal_is_personal(&empty));
  }
  assert_int_equal(hf_seal_fact(seal, &key, &fact, sealed), 0);
  assert_memory_equal(&fact, &before, sizeof fact);
  fact = (struct hf_fact){.kind = HF_FACT_REPORT_ACCEPTED};
  assert_true(hf_is_ok(hf_name_set(&fact.report.victim, "王小明", 9)));
  assert_true(hf_seal_is_personal(&fact));
}

static void the_same_account_is_the_same_text(void **unused)
{
  struct hf_account_number number, first, second;
  struct hf_name name, of_name;
  (void)unused;
  assert_true(hf_is_ok(hf_account_number_set(&number, "6222020000001234", 16)));
  assert_true(hf_is_ok(hf_name_set(&name, "6222020000001234", 16)));
  hf_seal_account(seal, &number, &first);
  hf_seal_account(seal, &number, &second);
  assert_true(hf_account_number_equal(&first, &second));
  assert_int_equal(first.size, 16 + 1 + 24);
  assert_memory_equal(first.bytes, "622202******1234~", 17);
  hf_seal_name(seal, &name, &of_name);
  assert_memory_not_equal(of_name.bytes + of_name.size - 24, first.bytes + first.size - 24, 24); /* a name is no number */
  number.bytes[8] = '9';
  hf_seal_account(seal, &number, &second);
  assert_false(hf_account_number_equal(&first, &second));
}

static void a_record_s_bytes_are_sealed_too(void **unused)
{
  static uint8_t raw[1000], sealed[sizeof raw + HF_SEAL_TAG_SIZE], back[sizeof raw];
  const struct hf_fact fact = {.kind = HF_FACT_QUARANTINED, .shard = 3, .seq = 9, .case_id = place.case_id};
  struct hf_fact other = fact;
  struct hf_data_key key;
  struct hf_wrapped_key wrapped;
  (void)unused;
  memset(raw, 'R', sizeof raw);
  hf_seal_key_make(seal, &place, &key, &wrapped);
  hf_seal_raw(seal, &key, &fact, (struct hf_span){raw, sizeof raw}, sealed);
  assert_null(memmem(sealed, sizeof sealed, "RRRR", 4));
  assert_true(hf_is_ok(hf_seal_raw_open(seal, &key, &fact, (struct hf_span){sealed, sizeof sealed}, back)));
  assert_memory_equal(raw, back, sizeof raw);
  other.seq++;
  assert_false(hf_is_ok(hf_seal_raw_open(seal, &key, &other, (struct hf_span){sealed, sizeof sealed}, back)));
  assert_false(hf_is_ok(hf_seal_raw_open(seal, &key, &fact, (struct hf_span){sealed, 15}, back)));
}

/* A fresh wrapping key wraps from then on; what the others have wrapped opens as before. */
static void wrapping_keys_are_rotated(void **unused)
{
  struct hf_data_key key, opened;
  struct hf_wrapped_key wrapped, again;
  struct hf_data_key_place elsewhere = place;
  struct hf_seal *rotated;
  (void)unused;
  hf_seal_key_make(seal, &place, &key, &wrapped);
  assert_true(hf_is_ok(hf_seal_file_rotate(file)));
  assert_true(hf_is_ok(hf_seal_open(&rotated, file)));
  assert_string_not_equal(hf_seal_newest(rotated), wrapped.by);
  assert_true(hf_is_ok(hf_seal_key_open(rotated, &place, &wrapped, &opened)));
  assert_memory_equal(&key, &opened, sizeof key);
  hf_seal_key_wrap(rotated, &place, &key, &again);
  assert_string_equal(again.by, hf_seal_newest(rotated));
  assert_false(hf_is_ok(hf_seal_key_open(seal, &place, &again, &opened))); /* the old file has it not */
  elsewhere.first_seq++;
  assert_false(hf_is_ok(hf_seal_key_open(rotated, &elsewhere, &again, &opened)));
  again.bytes[20] ^= 1;
  assert_false(hf_is_ok(hf_seal_key_open(rotated, &place, &again, &opened)));
  hf_seal_close(rotated);
}

static void refused(const char *text, mode_t mode)
{
  struct hf_seal *none = NULL;
  char wrong[160];
  snprintf(wrong, sizeof wrong, "%s/wrong", folder);
  FILE *out = fopen(wrong, "w");
  assert_non_null(out);
  fputs(text, out);
  fclose(out);
  chmod(wrong, mode);
  assert_int_equal(hf_seal_open(&none, wrong).kind, HF_STATUS_CONFIG);
  assert_null(none);
  unlink(wrong);
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
static void a_key_file_is_whole_or_refused(void **unused)
{
  struct hf_seal *none = NULL;
  (void)unused;
  assert_int_equal(hf_seal_open(&none, "/nothing/there").kind, HF_STATUS_CONFIG);
  refused("", 0600);
  refused("token " HEX "\nwrap one " HEX "\n", 0644);
  refused("token " HEX "\n", 0600);
  refused("wrap one " HEX "\n", 0600);
  refused("token " HEX "\ntoken " HEX "\nwrap one " HEX "\n", 0600);
  refused("token " HEX "\nwrap one " HEX "\nwrap one " HEX "\n", 0600);
  refused("token " HEX "\nwrap one " HEX "00\n", 0600);
  refused("token " HEX "\nwrap one zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0600);
  refused("token " HEX "\nwrap  " HEX "\n", 0600);
  refused("token " HEX "\nwrap a-name-that-is-longer-than-thirty-two-characters " HEX "\n", 0600);
  refused("token " HEX "\nwrap one " HEX " more\n", 0600);
  refused("token " HEX "\nlock one " HEX "\n", 0600);
  assert_false(hf_is_ok(hf_seal_file_make(file))); /* never replaced */
}

/* One key for a case's stay in memory; another owner's epoch, another key. */
static void a_case_has_one_key_per_owner(void **unused)
{
  struct hf_case_keys *keys = hf_case_keys_open(seal);
  struct hf_wrapped_key wrapped;
  struct hf_data_key_place later = place;
  (void)unused;
  const struct hf_data_key first = *hf_case_keys_get(keys, 5, &place, &wrapped);
  assert_string_not_equal(wrapped.by, "");
  later.first_seq = 100;
  assert_memory_equal(hf_case_keys_get(keys, 5, &later, &wrapped), &first, sizeof first);
  assert_string_equal(wrapped.by, "");
  assert_memory_not_equal(hf_case_keys_get(keys, 6, &later, &wrapped), &first, sizeof first);
  assert_string_not_equal(wrapped.by, "");
  for (uint32_t i = 0; i < 2 * HF_CASE_KEYS_MAX; i++) { /* more cases than places: each has a key or gets one */
    later.case_id.uuid.bytes[12] = (uint8_t)(i >> 16), later.case_id.uuid.bytes[13] = (uint8_t)(i >> 8);
    later.case_id.uuid.bytes[14] = (uint8_t)i;
    (void)hf_case_keys_get(keys, 6, &later, &wrapped);
  }
  hf_case_keys_close(keys);
}

static void a_reader_finds_the_key_of_a_fact(void **unused)
{
  static uint8_t encoded[HF_FACT_ENCODED_SIZE_MAX];
  struct hf_read_keys keys = {0};
  struct hf_data_key made[3];
  struct hf_wrapped_key wrapped;
  struct hf_data_key_place at = place;
  uint8_t sealed[HF_SEALED_SIZE_MAX];
  struct hf_fact fact = transfer_of(25), back;
  (void)unused;
  for (int i = 0; i < 3; i++) {
    at.first_seq = (uint64_t)(i + 1) * 10;
    hf_seal_key_make(seal, &at, &made[i], &wrapped);
    assert_true(hf_is_ok(hf_read_keys_add(&keys, seal, &at, &wrapped)));
  }
  assert_null(hf_read_keys_find(&keys, place.case_id, 9));
  assert_memory_equal(hf_read_keys_find(&keys, place.case_id, 10), &made[0], sizeof made[0]);
  assert_memory_equal(hf_read_keys_find(&keys, place.case_id, 29), &made[1], sizeof made[0]);
  assert_memory_equal(hf_read_keys_find(&keys, place.case_id, UINT64_MAX), &made[2], sizeof made[0]);
  assert_null(hf_read_keys_find(&keys, (struct hf_case_id){{{9}}}, 20));
  assert_null(hf_read_keys_find(&keys, (struct hf_case_id){{{0}}}, 20));

  size_t size = hf_seal_fact(seal, &made[1], &fact, sealed);
  size_t whole = hf_fact_encode(&fact, "boot", (struct hf_span){sealed, size}, encoded, sizeof encoded);
  assert_true(hf_is_ok(hf_record_fact_open(seal, &keys, (struct hf_span){encoded, whole}, &back)));
  assert_memory_equal(back.transfer.transfer.payer.account.bytes, "PPPPPPPP", 8);
  keys.count = 0; /* destroyed */
  assert_int_equal(hf_record_fact_open(seal, &keys, (struct hf_span){encoded, whole}, &back).kind, HF_STATUS_REFUSED);
  /* Pseudonyms with nothing sealed would go to a bank as if they were numbers. */
  whole = hf_fact_encode(&fact, "boot", (struct hf_span){NULL, 0}, encoded, sizeof encoded);
  assert_int_equal(hf_record_fact_open(seal, &keys, (struct hf_span){encoded, whole}, &back).kind, HF_STATUS_MALFORMED);
  hf_read_keys_free(&keys);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_sealed_fact_opens_again_and_says_nothing_in_clear),
                                     cmocka_unit_test(nothing_else_opens_it),
                                     cmocka_unit_test(another_token_key_is_noticed),
                                     cmocka_unit_test(what_is_not_personal_is_left_alone),
                                     cmocka_unit_test(the_same_account_is_the_same_text),
                                     cmocka_unit_test(a_record_s_bytes_are_sealed_too),
                                     cmocka_unit_test(wrapping_keys_are_rotated),
                                     cmocka_unit_test(a_key_file_is_whole_or_refused),
                                     cmocka_unit_test(a_case_has_one_key_per_owner),
                                     cmocka_unit_test(a_reader_finds_the_key_of_a_fact)};
  return cmocka_run_group_tests(tests, make_file, remove_file);
}
