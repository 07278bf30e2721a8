#include "engine/trust/mac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/assert.h"

struct hf_status hf_mac_key_read(const char *file, struct hf_mac_key *key)
{
  char line[128];
  struct hf_uuid bytes; /* sixteen, written as an id is */
  *key = (struct hf_mac_key){0};
  FILE *in = fopen(file, "re");
  if (in == NULL) return hf_fail(HF_STATUS_CONFIG, "the MAC key's file cannot be read");
  struct stat about;
  if (fstat(fileno(in), &about) != 0 || (about.st_mode & 077) != 0) {
    fclose(in);
    return hf_fail(HF_STATUS_CONFIG, "the MAC key's file may be read by others than its owner (chmod 600)");
  }
  bool sound = true;
  while (sound && fgets(line, sizeof line, in) != NULL) {
    size_t size = strcspn(line, "\r\n");
    if (size == 0) continue;
    sound = key->count < 2 && hf_is_ok(hf_uuid_of_hex(line, size, &bytes));
    if (sound) memcpy(key->bytes[key->count++], bytes.bytes, sizeof bytes.bytes);
  }
  fclose(in);
  OPENSSL_cleanse(line, sizeof line);
  OPENSSL_cleanse(&bytes, sizeof bytes);
  if (sound && key->count > 0) return hf_ok();
  OPENSSL_cleanse(key, sizeof *key);
  return hf_fail(HF_STATUS_CONFIG, "the MAC key's file: one or two lines of 32 hexadecimal digits");
}

/* One DES block by one eight-byte key: as three-key DES with all three the same, which every provider has. */
static void des(const uint8_t key[8], bool encrypt, uint8_t block[8])
{
  uint8_t three[24];
  int size = 0;
  for (int i = 0; i < 3; i++) memcpy(three + (size_t)8 * i, key, 8);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  bool ok = context != NULL && EVP_CipherInit_ex(context, EVP_des_ede3_ecb(), NULL, three, NULL, encrypt) == 1 &&
            EVP_CIPHER_CTX_set_padding(context, 0) == 1 && EVP_CipherUpdate(context, block, &size, block, 8) == 1;
  HF_ASSERT(ok && size == 8);
  EVP_CIPHER_CTX_free(context);
  OPENSSL_cleanse(three, sizeof three);
}

/* CBC over the left half of the key; the last block goes through the right half and the left one again. */
static void make_x919(const uint8_t key[HF_MAC_KEY_SIZE], struct hf_span bytes, uint8_t mac[HF_MAC_SIZE])
{
  uint8_t three[24];
  for (int i = 0; i < 3; i++) memcpy(three + (size_t)8 * i, key, 8);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  bool ok = context != NULL && EVP_EncryptInit_ex(context, EVP_des_ede3_ecb(), NULL, three, NULL) == 1 &&
            EVP_CIPHER_CTX_set_padding(context, 0) == 1;
  memset(mac, 0, HF_MAC_SIZE);
  for (size_t at = 0; ok && at < bytes.size; at += 8) {
    int size = 0;
    for (size_t i = 0; i < 8 && at + i < bytes.size; i++) mac[i] ^= bytes.data[at + i];
    ok = EVP_EncryptUpdate(context, mac, &size, mac, 8) == 1;
  }
  HF_ASSERT(ok);
  EVP_CIPHER_CTX_free(context);
  OPENSSL_cleanse(three, sizeof three);
  des(key + 8, false, mac);
  des(key, true, mac);
}

static void make_cmac(const char *cipher, const uint8_t key[HF_MAC_KEY_SIZE], struct hf_span bytes, uint8_t mac[HF_MAC_SIZE])
{
  static EVP_MAC *cmac; /* looked up once: a fetch costs more than the code */
  uint8_t whole[16];
  size_t size = 0;
  char name[16];
  if (cmac == NULL) cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
  EVP_MAC_CTX *context = EVP_MAC_CTX_new(cmac);
  snprintf(name, sizeof name, "%s", cipher);
  const OSSL_PARAM settings[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0), OSSL_PARAM_construct_end()};
  bool ok = context != NULL && EVP_MAC_init(context, key, HF_MAC_KEY_SIZE, settings) == 1 &&
            EVP_MAC_update(context, bytes.data, bytes.size) == 1 && EVP_MAC_final(context, whole, &size, sizeof whole) == 1;
  HF_ASSERT(ok && size == sizeof whole);
  EVP_MAC_CTX_free(context);
  memcpy(mac, whole, HF_MAC_SIZE);
}

static void make(enum hf_mac algorithm, const uint8_t key[HF_MAC_KEY_SIZE], struct hf_span bytes, uint8_t mac[HF_MAC_SIZE])
{
  switch (algorithm) {
  case HF_MAC_X919: make_x919(key, bytes, mac); break;
  case HF_MAC_AES_CMAC: make_cmac("AES-128-CBC", key, bytes, mac); break;
  case HF_MAC_SM4_CMAC: make_cmac("SM4-CBC", key, bytes, mac); break;
  default: HF_ASSERT(false);
  }
}

void hf_mac_make(enum hf_mac algorithm, const struct hf_mac_key *key, struct hf_span bytes, uint8_t mac[HF_MAC_SIZE])
{
  HF_ASSERT(key->count > 0);
  make(algorithm, key->bytes[0], bytes, mac);
}

bool hf_mac_is_right(enum hf_mac algorithm, const struct hf_mac_key *key, struct hf_span bytes, struct hf_span mac)
{
  uint8_t wanted[HF_MAC_SIZE];
  bool right = false;
  for (uint32_t i = 0; i < key->count; i++) {
    make(algorithm, key->bytes[i], bytes, wanted);
    if (mac.size == HF_MAC_SIZE && CRYPTO_memcmp(wanted, mac.data, HF_MAC_SIZE) == 0) right = true;
  }
  return right;
}
