#include "engine/seal/keyfile.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool read_hex(const char *text, uint8_t bytes[32])
{
  struct hf_uuid half; /* sixteen bytes, twice */
  if (strlen(text) != 64) return false;
  for (size_t i = 0; i < 2; i++) {
    if (!hf_is_ok(hf_uuid_of_hex(text + i * 32, 32, &half))) return false;
    memcpy(bytes + i * 16, half.bytes, 16);
  }
  OPENSSL_cleanse(&half, sizeof half);
  return true;
}

static bool is_known(const struct hf_seal_file *keys, const char *name)
{
  for (uint32_t i = 0; i < keys->wrapping_count; i++)
    if (strcmp(keys->wrapping[i].name, name) == 0) return true;
  return false;
}

/* One line; false where it is none of the file's. */
static bool take_line(char *line, struct hf_seal_file *keys, bool *has_token)
{
  char *rest = line, *word = strsep(&rest, " "), *second = strsep(&rest, " "), *third = strsep(&rest, " ");
  if (word[0] == '\0' || word[0] == '#') return true;
  if (strcmp(word, "token") == 0 && second != NULL && third == NULL && !*has_token)
    return *has_token = read_hex(second, keys->token);
  if (strcmp(word, "wrap") != 0 || second == NULL || third == NULL || rest != NULL ||
      keys->wrapping_count == HF_SEAL_WRAPPING_KEYS_MAX)
    return false;
  struct hf_seal_wrapping_key *key = &keys->wrapping[keys->wrapping_count];
  if (second[0] == '\0' || strlen(second) > HF_SEAL_NAME_SIZE_MAX || is_known(keys, second)) return false;
  strcpy(key->name, second);
  keys->wrapping_count++;
  return read_hex(third, key->bytes);
}

struct hf_status hf_seal_file_read(const char *file, struct hf_seal_file *keys)
{
  char line[256];
  struct stat about;
  bool sound = true, has_token = false;
  memset(keys, 0, sizeof *keys);
  FILE *in = fopen(file, "re");
  if (in == NULL) return hf_fail(HF_STATUS_CONFIG, "the file of personal keys cannot be read");
  if (fstat(fileno(in), &about) != 0 || (about.st_mode & 077) != 0) {
    fclose(in);
    return hf_fail(HF_STATUS_CONFIG, "the file of personal keys may be read by others than its owner (chmod 600)");
  }
  while (sound && fgets(line, sizeof line, in) != NULL) {
    line[strcspn(line, "\r\n")] = '\0';
    sound = take_line(line, keys, &has_token);
  }
  fclose(in);
  OPENSSL_cleanse(line, sizeof line);
  if (sound && has_token && keys->wrapping_count > 0) return hf_ok();
  OPENSSL_cleanse(keys, sizeof *keys);
  return hf_fail(HF_STATUS_CONFIG,
                 "the file of personal keys: one line \"token HEX\" and 1 to 8 lines \"wrap NAME HEX\" with "
                 "64 hexadecimal digits each, no name twice");
}

static void put_hex(FILE *out, const char *word, const char *name, const uint8_t bytes[32])
{
  fprintf(out, "%s ", word);
  if (name != NULL) fprintf(out, "%s ", name);
  for (size_t i = 0; i < 32; i++) fprintf(out, "%02x", bytes[i]);
  fputc('\n', out);
}

/* A fresh key with a name that says when: k20261127-5f3a90c1. */
static bool make_key(struct hf_seal_wrapping_key *key)
{
  struct tm day;
  uint32_t number;
  time_t now = time(NULL);
  gmtime_r(&now, &day);
  if (RAND_priv_bytes(key->bytes, sizeof key->bytes) != 1 || RAND_bytes((uint8_t *)&number, sizeof number) != 1) return false;
  snprintf(key->name, sizeof key->name, "k%04d%02d%02d-%08x", (day.tm_year + 1900) % 10000, day.tm_mon + 1, day.tm_mday,
           number);
  return true;
}

/* Never in place of another file unless `replace`: the whole of it, then its name. */
static struct hf_status write_file(const char *file, const struct hf_seal_file *keys, bool replace)
{
  char fresh[512];
  if (snprintf(fresh, sizeof fresh, "%s.new", file) >= (int)sizeof fresh)
    return hf_fail(HF_STATUS_REFUSED, "the file's name is too long");
  const char *target = replace ? fresh : file;
  int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
  if (out == NULL) return hf_fail(HF_STATUS_REFUSED, "the file cannot be written; an existing one is never replaced");
  fputs("# keys of personal data: keep a copy where PostgreSQL's backups are not\n", out);
  put_hex(out, "token", NULL, keys->token);
  for (uint32_t i = 0; i < keys->wrapping_count; i++) put_hex(out, "wrap", keys->wrapping[i].name, keys->wrapping[i].bytes);
  bool ok = fflush(out) == 0 && fsync(fd) == 0;
  ok = fclose(out) == 0 && ok && (!replace || rename(fresh, file) == 0);
  return ok ? hf_ok() : hf_fail(HF_STATUS_REFUSED, "the file cannot be written");
}

struct hf_status hf_seal_file_make(const char *file)
{
  struct hf_seal_file keys = {.wrapping_count = 1};
  if (RAND_priv_bytes(keys.token, sizeof keys.token) != 1 || !make_key(&keys.wrapping[0]))
    return hf_fail(HF_STATUS_REFUSED, "OpenSSL gives no random bytes");
  struct hf_status status = write_file(file, &keys, false);
  OPENSSL_cleanse(&keys, sizeof keys);
  return status;
}

struct hf_status hf_seal_file_rotate(const char *file)
{
  struct hf_seal_file keys;
  struct hf_status status = hf_seal_file_read(file, &keys);
  if (!hf_is_ok(status)) return status;
  if (keys.wrapping_count == HF_SEAL_WRAPPING_KEYS_MAX)
    return hf_fail(HF_STATUS_REFUSED, "the file has eight wrapping keys: take out one that has wrapped nothing any more");
  memmove(&keys.wrapping[1], &keys.wrapping[0], keys.wrapping_count++ * sizeof keys.wrapping[0]);
  if (!make_key(&keys.wrapping[0])) return hf_fail(HF_STATUS_REFUSED, "OpenSSL gives no random bytes");
  status = write_file(file, &keys, true);
  OPENSSL_cleanse(&keys, sizeof keys);
  return status;
}
