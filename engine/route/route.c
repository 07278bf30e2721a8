#include "engine/route/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"

#define FIELDS_MAX 4
#define LINE_SIZE_MAX 512

struct table {
  char version[128];
  struct hf_routing_row *rows; /* in order of key, then length */
  uint32_t count;
};

struct hf_routing {
  struct table tables[HF_ROUTING_TABLES];
};

static const struct {
  const char *file, *header;
  uint32_t fields;
} forms[HF_ROUTING_TABLES] = {{"card_prefixes.csv", "prefix,length,institution,name", 4},
                              {"bank_codes.csv", "bank_code,head_office,institution,name", 4},
                              {"payment_companies.csv", "code,institution,name", 3}};

struct hf_routing *hf_routing_new(void)
{
  struct hf_routing *routing = calloc(1, sizeof *routing);
  HF_ASSERT(routing != NULL);
  return routing;
}

void hf_routing_free(struct hf_routing *routing)
{
  if (routing == NULL) return;
  for (int i = 0; i < HF_ROUTING_TABLES; i++) free(routing->tables[i].rows);
  free(routing);
}

const char *hf_routing_file(enum hf_routing_table table)
{
  return forms[table].file;
}

const char *hf_routing_version(const struct hf_routing *routing, enum hf_routing_table table)
{
  return routing->tables[table].version;
}

uint32_t hf_routing_rows(const struct hf_routing *routing, enum hf_routing_table table)
{
  return routing->tables[table].count;
}

/* --- the form of codes --- */

static bool all_digits(const char *text)
{
  return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

char hf_bank_code_check_digit(const char *code)
{
  int product = 10;
  for (int i = 0; i < HF_BANK_CODE_SIZE - 1; i++) {
    if (code[i] < '0' || code[i] > '9') return '\0';
    int sum = (product + (code[i] - '0')) % 10;
    product = 2 * (sum == 0 ? 10 : sum) % 11;
  }
  return (char)('0' + (11 - product) % 10);
}

static const char *code_fault(const char *code)
{
  if (strlen(code) != HF_BANK_CODE_SIZE || !all_digits(code)) return "a bank code has 12 digits";
  if (hf_bank_code_check_digit(code) != code[HF_BANK_CODE_SIZE - 1])
    return "the bank code's check digit (ISO 7064 MOD 11,10) is wrong: two digits may have changed places";
  return NULL;
}

static const char *institution_fault(const char *code)
{
  size_t size = strlen(code);
  bool sound = size > 0 && size <= HF_INSTITUTION_CODE_SIZE_MAX;
  for (size_t i = 0; i < size; i++)
    sound &= (code[i] >= 'A' && code[i] <= 'Z') || (code[i] >= '0' && code[i] <= '9') || code[i] == '_';
  return sound ? NULL : "institution: capitals, digits and _, at most 12";
}

/* --- reading --- */

static const char *read_row(enum hf_routing_table table, char *fields[FIELDS_MAX], struct hf_routing_row *row)
{
  bool is_short = table == HF_ROUTING_PAYMENT_COMPANIES;
  const char *institution = fields[is_short ? 1 : 2], *name = fields[is_short ? 2 : 3];
  const char *fault = institution_fault(institution);
  size_t key_size = strlen(fields[0]);
  if (strlen(name) > HF_ROUTING_NAME_SIZE_MAX || !hf_text_is_sound(name, strlen(name)))
    return "name: UTF-8 of at most 120 bytes";
  switch (table) {
  case HF_ROUTING_PREFIXES:
    if (key_size < 2 || key_size > HF_PREFIX_SIZE_MAX || !all_digits(fields[0])) return "prefix: 2 to 10 digits";
    row->length = all_digits(fields[1]) && strlen(fields[1]) <= 2 ? (uint32_t)atoi(fields[1]) : 0;
    if (row->length < 12 || row->length > 19) return "length: 12 to 19, the digits of a whole card number";
    break;
  case HF_ROUTING_BANK_CODES:
    if (code_fault(fields[0]) != NULL) return code_fault(fields[0]);
    if (fields[1][0] != '\0' && code_fault(fields[1]) != NULL)
      return "head_office: a bank code with a right check digit, or nothing";
    strcpy(row->head_office, fields[1]);
    break;
  default:
    if (key_size != HF_BANK_CODE_SIZE || fields[0][0] != 'Z' || !all_digits(fields[0] + 1))
      return "code: Z and 11 digits, as in a payment licence";
  }
  if (fault != NULL) return fault;
  strcpy(row->key, fields[0]);
  strcpy(row->institution, institution);
  strcpy(row->name, name);
  return NULL;
}

static const char *read_line(enum hf_routing_table table, char *line, struct hf_routing_row *row)
{
  char *fields[FIELDS_MAX] = {line, line, line, line}, *at = line;
  uint32_t count = 0;
  for (;;) {
    if (count == forms[table].fields) return "more fields than the header has";
    fields[count++] = at;
    at = strchr(at, ',');
    if (at == NULL) break;
    *at++ = '\0';
  }
  if (count < forms[table].fields) return "fewer fields than the header has";
  return read_row(table, fields, row);
}

static int compare(const void *a, const void *b)
{
  const struct hf_routing_row *one = a, *other = b;
  int by_key = strcmp(one->key, other->key);
  if (by_key != 0) return by_key;
  return (one->length > other->length) - (one->length < other->length);
}

static const struct hf_routing_row *find(const struct table *table, const char *key, uint32_t length)
{
  struct hf_routing_row wanted = {.length = length};
  if (strlen(key) >= sizeof wanted.key || table->count == 0) return NULL;
  strcpy(wanted.key, key);
  return bsearch(&wanted, table->rows, table->count, sizeof wanted, compare);
}

struct reading {
  struct table *of;
  enum hf_routing_table table;
  void (*bad)(void *owner, uint32_t line, const char *why);
  void *owner;
  uint32_t bad_count;
  bool versioned, headed;
};

static void tell_bad(struct reading *reading, uint32_t line, const char *why)
{
  reading->bad_count++;
  reading->bad(reading->owner, line, why);
}

static void take_line(struct reading *reading, uint32_t number, char *line)
{
  static const char mark[] = "# version ";
  struct table *of = reading->of;
  if (!reading->versioned) {
    reading->versioned = true;
    if (strncmp(line, mark, strlen(mark)) != 0 || strlen(line) >= sizeof of->version)
      tell_bad(reading, number, "the first line says \"# version …\"");
    else
      strcpy(of->version, line + strlen(mark));
    return;
  }
  if (line[0] == '\0' || line[0] == '#') return;
  if (!reading->headed) {
    reading->headed = true;
    if (strcmp(line, forms[reading->table].header) != 0) tell_bad(reading, number, "the header is another table's");
    return;
  }
  if (of->count == HF_ROUTING_ROWS_MAX) {
    tell_bad(reading, number, "more rows than a table may have");
    return;
  }
  struct hf_routing_row row = {.line = number};
  const char *fault = read_line(reading->table, line, &row);
  if (fault != NULL)
    tell_bad(reading, number, fault);
  else
    of->rows[of->count++] = row;
}

/* The same key twice, or a branch whose head office is not there: the later line is left out. */
static void check_rows(struct reading *reading)
{
  struct table *of = reading->of;
  uint32_t kept = 0;
  qsort(of->rows, of->count, sizeof *of->rows, compare);
  for (uint32_t i = 0; i < of->count; i++) {
    if (kept > 0 && compare(&of->rows[kept - 1], &of->rows[i]) == 0) {
      if (of->rows[i].line < of->rows[kept - 1].line) { /* the earlier line stays */
        struct hf_routing_row later = of->rows[kept - 1];
        of->rows[kept - 1] = of->rows[i];
        of->rows[i] = later;
      }
      tell_bad(reading, of->rows[i].line, "the same key stands on an earlier line");
      continue;
    }
    of->rows[kept++] = of->rows[i];
  }
  of->count = kept;
  for (uint32_t i = 0; i < of->count; i++)
    if (of->rows[i].head_office[0] != '\0' && find(of, of->rows[i].head_office, 0) == NULL)
      tell_bad(reading, of->rows[i].line, "its head office is not in the table; its own institution is used");
}

uint32_t hf_routing_read(struct hf_routing *routing, enum hf_routing_table table, struct hf_span text,
                         void (*bad)(void *owner, uint32_t line, const char *why), void *owner)
{
  struct reading reading = {.of = &routing->tables[table], .table = table, .bad = bad, .owner = owner};
  uint32_t lines = 1;
  for (size_t i = 0; i < text.size; i++) lines += text.data[i] == '\n';
  free(reading.of->rows);
  *reading.of = (struct table){.rows = calloc(lines, sizeof *reading.of->rows)};
  HF_ASSERT(reading.of->rows != NULL);
  size_t at = 0;
  for (uint32_t number = 1; at < text.size; number++) {
    const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
    size_t size = end == NULL ? text.size - at : (size_t)(end - (text.data + at));
    char line[LINE_SIZE_MAX];
    size_t kept = size > 0 && text.data[at + size - 1] == '\r' ? size - 1 : size;
    if (kept >= sizeof line || memchr(text.data + at, '\0', size) != NULL)
      tell_bad(&reading, number, "the line is too long, or has a zero byte");
    else {
      memcpy(line, text.data + at, kept);
      line[kept] = '\0';
      take_line(&reading, number, line);
    }
    at += size + 1;
  }
  check_rows(&reading);
  return reading.bad_count;
}

/* --- routing --- */

static void find_prefix(const struct table *table, const char *number, struct hf_route *route)
{
  size_t digits = strlen(number);
  for (size_t size = digits < HF_PREFIX_SIZE_MAX ? digits : HF_PREFIX_SIZE_MAX; size >= 2; size--) {
    char prefix[HF_PREFIX_SIZE_MAX + 1];
    snprintf(prefix, sizeof prefix, "%.*s", (int)size, number);
    const struct hf_routing_row *row = find(table, prefix, (uint32_t)digits);
    if (row != NULL && route->prefix == NULL) route->prefix = row;
    if (row != NULL && route->shorter == NULL && strcmp(row->institution, route->prefix->institution) != 0)
      route->shorter = row;
    for (uint32_t length = 12; row == NULL && route->lengths == NULL && route->prefix == NULL && length <= 19; length++)
      route->lengths = find(table, prefix, length);
  }
}

static void find_code(const struct hf_routing *routing, const char *stated, struct hf_route *route)
{
  bool bank = strlen(stated) == HF_BANK_CODE_SIZE && all_digits(stated);
  route->bad_code = bank && code_fault(stated) != NULL;
  if (route->bad_code) return;
  route->code = find(&routing->tables[bank ? HF_ROUTING_BANK_CODES : HF_ROUTING_PAYMENT_COMPANIES], stated, 0);
  if (route->code == NULL || route->code->head_office[0] == '\0') return;
  route->office = find(&routing->tables[HF_ROUTING_BANK_CODES], route->code->head_office, 0);
}

struct hf_route hf_route_of(const struct hf_routing *routing, const struct hf_account_number *number, const char *stated)
{
  struct hf_route route = {.institution = "", .check_digit = hf_account_number_luhn(number)};
  char digits[HF_ACCOUNT_NUMBER_SIZE_MAX + 1];
  memcpy(digits, number->bytes, number->size);
  digits[number->size] = '\0';
  if (all_digits(digits)) find_prefix(&routing->tables[HF_ROUTING_PREFIXES], digits, &route);
  find_code(routing, stated, &route);
  const char *by_code = route.office != NULL ? route.office->institution : route.code != NULL ? route.code->institution : NULL;
  bool is_code = by_code != NULL || (strlen(stated) == HF_BANK_CODE_SIZE && all_digits(stated));
  if (stated[0] != '\0' && !is_code) {
    route.by = HF_ROUTE_STATED;
    route.institution = stated;
  } else if (route.prefix != NULL) {
    route.by = HF_ROUTE_PREFIX;
    route.institution = route.prefix->institution;
  } else if (by_code != NULL) {
    route.by = all_digits(route.code->key) ? HF_ROUTE_BANK_CODE : HF_ROUTE_PAYMENT_COMPANY;
    route.institution = by_code;
  }
  const char *said = by_code != NULL ? by_code : is_code ? "" : stated;
  route.clash = route.prefix != NULL && said[0] != '\0' && strcmp(route.prefix->institution, said) != 0;
  return route;
}
