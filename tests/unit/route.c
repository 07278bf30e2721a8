/* Routing: prefixes with lengths, nested prefixes, check digits, and each bad line of a table. */
#include "engine/route/route.h"

#include "tests/unit/unit.h"

static struct hf_routing *routing;
static uint32_t bad_lines[16], bad_count;
static const char *bad_why[16];

static void note_bad(void *owner, uint32_t line, const char *why)
{
  (void)owner;
  assert_true(bad_count < 16);
  bad_lines[bad_count] = line;
  bad_why[bad_count++] = why;
}

static uint32_t read_text(enum hf_routing_table table, const char *text)
{
  bad_count = 0;
  return hf_routing_read(routing, table, (struct hf_span){(const uint8_t *)text, strlen(text)}, note_bad, NULL);
}

static int set_up(void **unused)
{
  (void)unused;
  routing = hf_routing_new();
  for (int table = 0; table < HF_ROUTING_TABLES; table++) {
    char path[128];
    size_t size;
    snprintf(path, sizeof path, "schemas/routing/%s", hf_routing_file((enum hf_routing_table)table));
    uint8_t *text = read_source_file(path, &size);
    bad_count = 0;
    assert_int_equal(hf_routing_read(routing, (enum hf_routing_table)table, (struct hf_span){text, size}, note_bad, NULL), 0);
    free(text);
  }
  return 0;
}

static int tear_down(void **unused)
{
  (void)unused;
  hf_routing_free(routing);
  return 0;
}

static struct hf_route route_of(const char *number, const char *stated)
{
  struct hf_account_number account;
  assert_true(hf_is_ok(hf_account_number_set(&account, number, strlen(number))));
  return hf_route_of(routing, &account, stated);
}

static void S7_one_prefix_belongs_to_two_banks_by_its_length(void **unused)
{
  (void)unused;
  struct hf_route of_16 = route_of("6212600000000014", ""), of_19 = route_of("6212600000000000014", "");
  assert_string_equal(of_16.institution, "BANKB");
  assert_string_equal(of_19.institution, "BANKC");
  struct hf_route of_18 = route_of("621260000000000001", "");
  assert_int_equal(of_18.by, HF_ROUTE_NONE);
  assert_non_null(of_18.lengths);
}

static void S8_a_longer_prefix_overrules_the_one_it_lies_in(void **unused)
{
  (void)unused;
  struct hf_route inside = route_of("6210590012345678", ""), outside = route_of("6210591212345678", "");
  assert_string_equal(inside.institution, "BANKC");
  assert_string_equal(inside.shorter->institution, "BANKB");
  assert_string_equal(outside.institution, "BANKB");
  assert_null(outside.shorter);
  assert_string_equal(route_of("6210590012345678901", "").institution, "BANKB"); /* the longer one has no cards of 19 digits */
}

static void S9_a_bank_code_with_two_digits_transposed_is_refused(void **unused)
{
  (void)unused;
  static const char *const sound[] = {"315456000105", "313234001089", "320331001057"}; /* domain.md 6.3 */
  for (int i = 0; i < 3; i++) assert_int_equal(hf_bank_code_check_digit(sound[i]), sound[i][11]);
  struct hf_route right = route_of("T-1", "102100001016");
  assert_int_equal(right.by, HF_ROUTE_BANK_CODE);
  assert_string_equal(right.institution, "BANKA");
  assert_string_equal(right.office->key, "102100000013");
  struct hf_route transposed = route_of("T-1", "102100001061");
  assert_true(transposed.bad_code);
  assert_int_equal(transposed.by, HF_ROUTE_NONE);
  for (int i = 0; i < 12; i++) /* and every single wrong digit */
    for (char digit = '0'; digit <= '9'; digit++) {
      char wrong[] = "102100001016";
      if (wrong[i] == digit) continue;
      wrong[i] = digit;
      assert_true(route_of("T-1", wrong).bad_code);
    }
}

static void what_is_stated_comes_first_and_a_clash_is_told(void **unused)
{
  (void)unused;
  struct hf_route stated = route_of("6228480000001235", "BANKB");
  assert_int_equal(stated.by, HF_ROUTE_STATED);
  assert_string_equal(stated.institution, "BANKB");
  assert_true(stated.clash);
  assert_false(route_of("6228480000001235", "BANKA").clash);
  assert_true(route_of("6228480000001235", "103100000026").clash);
  assert_string_equal(route_of("wallet01@paya", "Z20000000001").institution, "PAYA");
  assert_int_equal(route_of("wallet01@paya", "").by, HF_ROUTE_NONE);
}

static void luhn_warns_and_never_blocks(void **unused)
{
  (void)unused;
  struct hf_route wrong = route_of("6228480000001236", ""), right = route_of("6228480000001237", "");
  assert_true(wrong.check_digit != right.check_digit);
  assert_string_equal(wrong.institution, "BANKA");
  assert_string_equal(right.institution, "BANKA");
}

static void each_bad_line_is_told_and_the_others_are_used(void **unused)
{
  (void)unused;
  static const char prefixes[] =
      "# version 1\nprefix,length,institution,name\n622202,16,BANKA,a\n6,16,BANKA,short\n62x2,16,BANKA,letters\n"
      "622203,9,BANKA,length\n622204,16,bank,small\n622205,16,BANKA\n622206,16,BANKA,a,b\n622202,16,BANKB,twice\n"
      "622207,16,BANKA,\xff\n\n# a remark\n622208,19,BANKA,last";
  assert_int_equal(read_text(HF_ROUTING_PREFIXES, prefixes), 8);
  static const uint32_t lines[] = {4, 5, 6, 7, 8, 9, 11, 10};
  for (int i = 0; i < 8; i++) assert_int_equal(bad_lines[i], lines[i]);
  assert_int_equal(hf_routing_rows(routing, HF_ROUTING_PREFIXES), 2);
  assert_string_equal(route_of("6222020000000000", "").institution, "BANKA");
  assert_int_equal(
      read_text(
          HF_ROUTING_BANK_CODES,
          "# version 1\nbank_code,head_office,institution,name\n102100001061,,BANKA,x\n102100001016,102100000013,BANKA,x\n"),
      2);
  assert_non_null(strstr(bad_why[0], "changed places"));
  assert_non_null(strstr(bad_why[1], "head office"));
  assert_int_equal(read_text(HF_ROUTING_PAYMENT_COMPANIES, "prefix,length,institution,name\n"), 1);
  assert_int_equal(read_text(HF_ROUTING_PAYMENT_COMPANIES, "# version 1\nprefix,length\nZ1,PAYA,x\n"), 2);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(S7_one_prefix_belongs_to_two_banks_by_its_length, set_up, tear_down),
      cmocka_unit_test_setup_teardown(S8_a_longer_prefix_overrules_the_one_it_lies_in, set_up, tear_down),
      cmocka_unit_test_setup_teardown(S9_a_bank_code_with_two_digits_transposed_is_refused, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_is_stated_comes_first_and_a_clash_is_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(luhn_warns_and_never_blocks, set_up, tear_down),
      cmocka_unit_test_setup_teardown(each_bad_line_is_told_and_the_others_are_used, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
