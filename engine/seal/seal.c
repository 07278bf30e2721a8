#include "engine/seal/seal.h"

#include <endian.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/codec/codec.h"
#include "engine/seal/keyfile.h"

#define NONCE_SIZE 12
#define TOKEN_BYTES 12

struct hf_seal {
  struct hf_seal_file keys;
  EVP_MAC *hmac;
  EVP_MAC_CTX *token;
  EVP_CIPHER_CTX *closing, *opening;
  uint8_t salts[256][HF_SEAL_SALT_SIZE]; /* many from one call: each call asks the kernel for the process's number */
  uint8_t salt;                          /* the next; at 0 they are made anew */
};

/* What a ciphertext is about: the first byte keeps its kinds apart. */
struct label {
  uint8_t bytes[1 + 4 + 8 + 16 + 1];
};

enum label_kind { LABEL_FACT = 1, LABEL_RAW, LABEL_DATA_KEY };

static struct label label_of(enum label_kind kind, uint32_t shard, uint64_t seq, struct hf_case_id case_id, uint8_t fact_kind)
{
  struct label label = {{(uint8_t)kind}};
  uint32_t shard_be = htobe32(shard);
  uint64_t seq_be = htobe64(seq);
  memcpy(label.bytes + 1, &shard_be, 4);
  memcpy(label.bytes + 5, &seq_be, 8);
  memcpy(label.bytes + 13, case_id.uuid.bytes, 16);
  label.bytes[29] = fact_kind;
  return label;
}

/* The kind keeps a fact's nonce apart from that of its record's bytes. */
static void nonce_of(const struct label *label, uint8_t nonce[NONCE_SIZE])
{
  memset(nonce, 0, NONCE_SIZE);
  nonce[0] = label->bytes[0];
  memcpy(nonce + 4, label->bytes + 5, 8);
}

/* --- AES-256-GCM --- */

/* out: the text's size and a tag. */
static void encrypt(struct hf_seal *seal, const uint8_t key[32], const uint8_t nonce[NONCE_SIZE], const struct label *label,
                    struct hf_span text, uint8_t *out)
{
  EVP_CIPHER_CTX *context = seal->closing;
  int size = 0;
  bool ok = EVP_EncryptInit_ex(context, NULL, NULL, key, nonce) == 1 &&
            EVP_EncryptUpdate(context, NULL, &size, label->bytes, (int)sizeof label->bytes) == 1 &&
            EVP_EncryptUpdate(context, out, &size, text.data, (int)text.size) == 1 && (size_t)size == text.size &&
            EVP_EncryptFinal_ex(context, out + size, &size) == 1 &&
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, HF_SEAL_TAG_SIZE, out + text.size) == 1;
  HF_ASSERT(ok);
}

static bool decrypt(struct hf_seal *seal, const uint8_t key[32], const uint8_t nonce[NONCE_SIZE], const struct label *label,
                    struct hf_span sealed, uint8_t *out)
{
  EVP_CIPHER_CTX *context = seal->opening;
  uint8_t tag[HF_SEAL_TAG_SIZE];
  int size = 0;
  if (sealed.size < sizeof tag) return false;
  size_t text = sealed.size - sizeof tag;
  memcpy(tag, sealed.data + text, sizeof tag);
  return EVP_DecryptInit_ex(context, NULL, NULL, key, nonce) == 1 &&
         EVP_DecryptUpdate(context, NULL, &size, label->bytes, (int)sizeof label->bytes) == 1 &&
         EVP_DecryptUpdate(context, out, &size, sealed.data, (int)text) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
         EVP_DecryptFinal_ex(context, out + size, &size) == 1;
}

/* --- life --- */

static bool make_contexts(struct hf_seal *seal)
{
  char digest[] = "SHA256";
  const OSSL_PARAM settings[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
  seal->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  seal->token = EVP_MAC_CTX_new(seal->hmac);
  seal->closing = EVP_CIPHER_CTX_new();
  seal->opening = EVP_CIPHER_CTX_new();
  return seal->token != NULL && seal->closing != NULL && seal->opening != NULL &&
         EVP_MAC_init(seal->token, seal->keys.token, sizeof seal->keys.token, settings) == 1 &&
         EVP_EncryptInit_ex(seal->closing, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
         EVP_DecryptInit_ex(seal->opening, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1;
}

struct hf_status hf_seal_open(struct hf_seal **out, const char *file)
{
  struct hf_seal *seal = calloc(1, sizeof *seal);
  HF_ASSERT(seal != NULL);
  struct hf_status status = hf_seal_file_read(file, &seal->keys);
  if (hf_is_ok(status) && !make_contexts(seal)) status = hf_fail(HF_STATUS_CONFIG, "OpenSSL has no HMAC or AES-256-GCM");
  if (hf_is_ok(status))
    *out = seal;
  else
    hf_seal_close(seal);
  return status;
}

void hf_seal_close(struct hf_seal *seal)
{
  if (seal == NULL) return;
  EVP_MAC_CTX_free(seal->token);
  EVP_MAC_free(seal->hmac);
  EVP_CIPHER_CTX_free(seal->closing);
  EVP_CIPHER_CTX_free(seal->opening);
  OPENSSL_cleanse(seal, sizeof *seal);
  free(seal);
}

const char *hf_seal_newest(const struct hf_seal *seal)
{
  return seal->keys.wrapping[0].name;
}

bool hf_seal_has(const struct hf_seal *seal, const char *name)
{
  for (uint32_t i = 0; i < seal->keys.wrapping_count; i++)
    if (strcmp(seal->keys.wrapping[i].name, name) == 0) return true;
  return false;
}

/* --- pseudonyms --- */

/* text: the mask; the token goes behind it. `kind` keeps a name that is written like a number apart. */
static size_t add_token(struct hf_seal *seal, char kind, const uint8_t *bytes, size_t size, char *text)
{
  uint8_t digest[HF_SHA256_SIZE];
  size_t digest_size = 0, at = strlen(text);
  bool ok = EVP_MAC_init(seal->token, NULL, 0, NULL) == 1 && EVP_MAC_update(seal->token, (const uint8_t *)&kind, 1) == 1 &&
            EVP_MAC_update(seal->token, bytes, size) == 1 &&
            EVP_MAC_final(seal->token, digest, &digest_size, sizeof digest) == 1;
  HF_ASSERT(ok && digest_size == sizeof digest);
  struct hf_writer writer = hf_writer_of(text + at, 1 + TOKEN_BYTES * 2);
  hf_write_text(&writer, "~");
  hf_write_hex(&writer, digest, TOKEN_BYTES);
  HF_ASSERT(!writer.full);
  return at + writer.size;
}

void hf_seal_account(struct hf_seal *seal, const struct hf_account_number *clear, struct hf_account_number *pseudonym)
{
  char text[HF_MASK_TEXT_SIZE + 1 + TOKEN_BYTES * 2];
  size_t size = add_token(seal, 'a', clear->bytes, clear->size, hf_mask_account(clear, text));
  HF_ASSERT(size <= HF_ACCOUNT_NUMBER_SIZE_MAX);
  *pseudonym = (struct hf_account_number){.size = (uint8_t)size};
  memcpy(pseudonym->bytes, text, size);
}

void hf_seal_name(struct hf_seal *seal, const struct hf_name *clear, struct hf_name *pseudonym)
{
  char text[HF_MASK_TEXT_SIZE + 1 + TOKEN_BYTES * 2];
  size_t size = add_token(seal, 'n', clear->bytes, clear->size, hf_mask_name(clear, text));
  *pseudonym = (struct hf_name){.size = (uint8_t)size};
  memcpy(pseudonym->bytes, text, size);
}

/* --- data keys --- */

static struct label key_label(const struct hf_data_key_place *place)
{
  return label_of(LABEL_DATA_KEY, place->shard, place->first_seq, place->case_id, 0);
}

void hf_seal_key_wrap(struct hf_seal *seal, const struct hf_data_key_place *place, const struct hf_data_key *key,
                      struct hf_wrapped_key *wrapped)
{
  const struct hf_seal_wrapping_key *by = &seal->keys.wrapping[0];
  const struct label label = key_label(place);
  strcpy(wrapped->by, by->name);
  HF_ASSERT(RAND_bytes(wrapped->bytes, NONCE_SIZE) == 1); /* one wrapping key has many data keys */
  encrypt(seal, by->bytes, wrapped->bytes, &label, (struct hf_span){key->bytes, sizeof key->bytes},
          wrapped->bytes + NONCE_SIZE);
}

void hf_seal_key_make(struct hf_seal *seal, const struct hf_data_key_place *place, struct hf_data_key *key,
                      struct hf_wrapped_key *wrapped)
{
  HF_ASSERT(RAND_priv_bytes(key->bytes, sizeof key->bytes) == 1);
  hf_seal_key_wrap(seal, place, key, wrapped);
}

struct hf_status hf_seal_key_open(struct hf_seal *seal, const struct hf_data_key_place *place,
                                  const struct hf_wrapped_key *wrapped, struct hf_data_key *key)
{
  const struct label label = key_label(place);
  const struct hf_span sealed = {wrapped->bytes + NONCE_SIZE, sizeof wrapped->bytes - NONCE_SIZE};
  for (uint32_t i = 0; i < seal->keys.wrapping_count; i++) {
    const struct hf_seal_wrapping_key *by = &seal->keys.wrapping[i];
    if (strcmp(by->name, wrapped->by) != 0) continue;
    if (decrypt(seal, by->bytes, wrapped->bytes, &label, sealed, key->bytes)) return hf_ok();
    return hf_fail(HF_STATUS_REFUSED, "a case's data key is not what its wrapping key has wrapped");
  }
  return hf_fail(HF_STATUS_REFUSED, "the file of personal keys has not the wrapping key of a case's data key");
}

/* --- facts --- */

static void note_account(void *owner, struct hf_account_number *number)
{
  *(bool *)owner |= number->size > 0;
}

static void note_name(void *owner, struct hf_name *name)
{
  *(bool *)owner |= name->size > 0;
}

bool hf_seal_is_personal(const struct hf_fact *fact)
{
  bool found = false;
  const struct hf_personal_visit visit = {.account = note_account, .name = note_name, .owner = &found};
  hf_fact_visit_personal((struct hf_fact *)(uintptr_t)fact, &visit); /* the visitors only look */
  return found;
}

struct taking {
  struct hf_seal *seal;
  struct hf_writer values;
};

/* One personal field, in the order of the fact's table: its size and bytes; then its pseudonym stands there. */
static void take_account(void *owner, struct hf_account_number *number)
{
  struct taking *taking = owner;
  if (number->size == 0) return;
  hf_write_bytes(&taking->values, &number->size, 1);
  hf_write_bytes(&taking->values, number->bytes, number->size);
  const struct hf_account_number clear = *number;
  hf_seal_account(taking->seal, &clear, number);
}

static void take_name(void *owner, struct hf_name *name)
{
  struct taking *taking = owner;
  if (name->size == 0) return;
  hf_write_bytes(&taking->values, &name->size, 1);
  hf_write_bytes(&taking->values, name->bytes, name->size);
  const struct hf_name clear = *name;
  hf_seal_name(taking->seal, &clear, name);
}

static struct label fact_label(enum label_kind kind, const struct hf_fact *fact)
{
  return label_of(kind, fact->shard, fact->seq, fact->case_id, hf_fact_number(fact->kind));
}

size_t hf_seal_fact(struct hf_seal *seal, const struct hf_data_key *key, struct hf_fact *fact,
                    uint8_t sealed[HF_SEALED_SIZE_MAX])
{
  uint8_t text[HF_SEAL_SALT_SIZE + HF_SEAL_VALUES_SIZE_MAX], nonce[NONCE_SIZE];
  struct taking taking = {seal, hf_writer_of(text + HF_SEAL_SALT_SIZE, HF_SEAL_VALUES_SIZE_MAX)};
  const struct hf_personal_visit visit = {.account = take_account, .name = take_name, .owner = &taking};
  const struct label label = fact_label(LABEL_FACT, fact);
  hf_fact_visit_personal(fact, &visit);
  HF_ASSERT(!taking.values.full);
  if (taking.values.size == 0) return 0;
  size_t size = HF_SEAL_SALT_SIZE + taking.values.size;
  if (seal->salt == 0) HF_ASSERT(RAND_bytes(seal->salts[0], sizeof seal->salts) == 1);
  memcpy(text, seal->salts[seal->salt++], HF_SEAL_SALT_SIZE);
  hf_sha256_of(text, size, sealed);
  nonce_of(&label, nonce);
  encrypt(seal, key->bytes, nonce, &label, (struct hf_span){text, size}, sealed + HF_DIGEST_SIZE);
  OPENSSL_cleanse(text, size);
  return HF_DIGEST_SIZE + size + HF_SEAL_TAG_SIZE;
}

struct putting {
  struct hf_seal *seal;
  struct hf_reader values;
  bool failed, renamed;
};

static struct hf_span next_value(struct putting *putting)
{
  return hf_read_span(&putting->values, hf_read_u8(&putting->values));
}

static void put_account(void *owner, struct hf_account_number *number)
{
  struct putting *putting = owner;
  if (number->size == 0) return;
  struct hf_span value = next_value(putting);
  const struct hf_account_number stored = *number;
  struct hf_account_number again;
  putting->failed |= putting->values.failed || !hf_is_ok(hf_account_number_set(number, value.data, value.size));
  if (putting->failed) return;
  hf_seal_account(putting->seal, number, &again);
  putting->renamed |= !hf_account_number_equal(&again, &stored);
}

static void put_name(void *owner, struct hf_name *name)
{
  struct putting *putting = owner;
  if (name->size == 0) return;
  struct hf_span value = next_value(putting);
  putting->failed |= putting->values.failed || !hf_is_ok(hf_name_set(name, value.data, value.size));
}

struct hf_status hf_seal_fact_open(struct hf_seal *seal, const struct hf_data_key *key, struct hf_span sealed,
                                   struct hf_fact *fact)
{
  uint8_t text[HF_SEALED_SIZE_MAX], nonce[NONCE_SIZE], commitment[HF_DIGEST_SIZE];
  const struct label label = fact_label(LABEL_FACT, fact);
  nonce_of(&label, nonce);
  if (sealed.size <= HF_DIGEST_SIZE + HF_SEAL_SALT_SIZE + HF_SEAL_TAG_SIZE || sealed.size > HF_SEALED_SIZE_MAX ||
      !decrypt(seal, key->bytes, nonce, &label, (struct hf_span){sealed.data + HF_DIGEST_SIZE, sealed.size - HF_DIGEST_SIZE},
               text))
    return hf_fail(HF_STATUS_REFUSED, "a fact's sealed values are not those of this fact, or of another key");
  size_t size = sealed.size - HF_DIGEST_SIZE - HF_SEAL_TAG_SIZE;
  hf_sha256_of(text, size, commitment);
  struct putting putting = {.seal = seal,
                            .values = hf_reader_of((struct hf_span){text + HF_SEAL_SALT_SIZE, size - HF_SEAL_SALT_SIZE})};
  const struct hf_personal_visit visit = {.account = put_account, .name = put_name, .owner = &putting};
  hf_fact_visit_personal(fact, &visit);
  OPENSSL_cleanse(text, sizeof text);
  if (putting.failed || putting.values.left.size > 0 || memcmp(commitment, sealed.data, sizeof commitment) != 0)
    return hf_fail(HF_STATUS_REFUSED, "a fact's sealed values do not fit its fields");
  if (putting.renamed)
    return hf_fail(HF_STATUS_REFUSED,
                   "a fact's pseudonyms were made with another token key than the file of personal keys has");
  return hf_ok();
}

void hf_seal_raw(struct hf_seal *seal, const struct hf_data_key *key, const struct hf_fact *fact, struct hf_span raw,
                 uint8_t *out)
{
  uint8_t nonce[NONCE_SIZE];
  const struct label label = fact_label(LABEL_RAW, fact);
  nonce_of(&label, nonce);
  encrypt(seal, key->bytes, nonce, &label, raw, out);
}

struct hf_status hf_seal_raw_open(struct hf_seal *seal, const struct hf_data_key *key, const struct hf_fact *fact,
                                  struct hf_span sealed, uint8_t *out)
{
  uint8_t nonce[NONCE_SIZE];
  const struct label label = fact_label(LABEL_RAW, fact);
  nonce_of(&label, nonce);
  if (decrypt(seal, key->bytes, nonce, &label, sealed, out)) return hf_ok();
  return hf_fail(HF_STATUS_REFUSED, "a record's sealed bytes are not those of this fact, or of another key");
}
