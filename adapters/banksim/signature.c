#include "adapters/banksim/signature.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"

#define ANSWER_KEYS_MAX 16

#define CENTRE_KEYS_MAX 4

static EVP_PKEY *centre_keys[CENTRE_KEYS_MAX]; /* a key and its successor */
static int centre_keys_count, centre_keys_tried = CENTRE_KEYS_MAX;
static struct answer_key {
  char code[16]; /* "": of all that have none of their own */
  EVP_PKEY *key;
  char id[33];
} answer_keys[ANSWER_KEYS_MAX];
static int answer_keys_count;

bool signature_centre_key(const char *file)
{
  FILE *in = centre_keys_count == CENTRE_KEYS_MAX ? NULL : fopen(file, "re");
  EVP_PKEY *key = in == NULL ? NULL : PEM_read_PUBKEY(in, NULL, NULL, NULL);
  if (in != NULL) fclose(in);
  if (key != NULL) centre_keys[centre_keys_count++] = key;
  return key != NULL;
}

void signature_first_key_only(bool only)
{
  centre_keys_tried = only ? 1 : CENTRE_KEYS_MAX;
}

bool signature_answer_key(const char *text)
{
  const char *equals = strchr(text, '=');
  if (answer_keys_count == ANSWER_KEYS_MAX) return false;
  struct answer_key *to = &answer_keys[answer_keys_count++];
  if (equals != NULL) snprintf(to->code, sizeof to->code, "%.*s", (int)(equals - text), text);
  FILE *in = fopen(equals == NULL ? text : equals + 1, "re");
  to->key = in == NULL ? NULL : PEM_read_PrivateKey(in, NULL, NULL, NULL);
  if (in != NULL) fclose(in);
  unsigned char *der = NULL, digest[32];
  int size = to->key == NULL ? -1 : i2d_PUBKEY(to->key, &der);
  if (size <= 0 || EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)size, digest, NULL) != 1) return false;
  OPENSSL_free(der);
  for (int i = 0; i < 16; i++) snprintf(to->id + 2 * i, 3, "%02x", digest[i]);
  return true;
}

static const struct answer_key *answer_key_of(const char *code)
{
  static const struct answer_key none;
  const struct answer_key *found = &none;
  for (int i = 0; i < answer_keys_count; i++)
    if (strcmp(answer_keys[i].code, code) == 0 || (answer_keys[i].code[0] == '\0' && found == &none)) found = &answer_keys[i];
  return found;
}

static const char *mac_folder;

void signature_mac_keys(const char *folder)
{
  mac_folder = folder;
}

static bool read_mac_key(const char *code, uint8_t key[16])
{
  char file[512], hex[33] = "";
  snprintf(file, sizeof file, "%s/%s.mac", mac_folder == NULL ? "" : mac_folder, code);
  FILE *in = fopen(file, "re");
  bool ok = in != NULL && fscanf(in, "%32s", hex) == 1 && strlen(hex) == 32;
  if (in != NULL) fclose(in);
  for (int i = 0; ok && i < 16; i++) {
    unsigned byte = 0;
    ok = sscanf(hex + 2 * i, "%2x", &byte) == 1;
    key[i] = (uint8_t)byte;
  }
  return ok;
}

/* ISO/IEC 9797-1, algorithm 3, padding 1: CBC under the left half, its last block under both. */
static bool mac_x919(const uint8_t key[16], const uint8_t *bytes, size_t size, uint8_t mac[8])
{
  uint8_t left[24], both[24], padded[8192] = {0}, chain[8192];
  int done = 0;
  size_t whole = (size + 7) / 8 * 8;
  if (whole > sizeof padded || whole == 0) return false;
  memcpy(padded, bytes, size);
  for (int i = 0; i < 24; i++) left[i] = key[i % 8], both[i] = key[i % 16];
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  static const uint8_t zero[8] = {0};
  bool ok = EVP_EncryptInit(context, EVP_des_ede3_cbc(), left, zero) == 1 && EVP_CIPHER_CTX_set_padding(context, 0) == 1;
  if (ok && whole > 8) ok = EVP_EncryptUpdate(context, chain, &done, padded, (int)whole - 8) == 1;
  for (int i = 0; i < 8; i++) mac[i] = padded[whole - 8 + (size_t)i] ^ (whole > 8 ? chain[done - 8 + i] : 0);
  ok = ok && EVP_EncryptInit(context, EVP_des_ede3_ecb(), both, NULL) == 1 && EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
       EVP_EncryptUpdate(context, mac, &done, mac, 8) == 1;
  EVP_CIPHER_CTX_free(context);
  return ok;
}

bool signature_mac(const char *code, const char *algorithm, const void *bytes, size_t size, uint8_t mac[8])
{
  uint8_t key[16], whole[16];
  size_t used = 0;
  if (!read_mac_key(code, key)) return false;
  if (strcmp(algorithm, "x919") == 0) return mac_x919(key, bytes, size, mac);
  bool ok = EVP_Q_mac(NULL, "CMAC", NULL, algorithm, NULL, key, sizeof key, bytes, size, whole, sizeof whole, &used) != NULL;
  memcpy(mac, whole, 8);
  return ok && used == sizeof whole;
}

/* SM2 with SM3 and GM/T 0009's id, RSA with PSS, as the README of holdfast_json says. */
static bool begin(EVP_MD_CTX *context, EVP_PKEY *key, bool sign)
{
  EVP_PKEY_CTX *pkey = EVP_PKEY_CTX_new(key, NULL);
  bool sm2 = EVP_PKEY_is_a(key, "SM2"), rsa = EVP_PKEY_is_a(key, "RSA");
  const char *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : sm2 ? "SM3" : "SHA256";
  EVP_MD_CTX_set_pkey_ctx(context, pkey);
  bool ok = !sm2 || EVP_PKEY_CTX_set1_id(pkey, "1234567812345678", 16) == 1;
  ok = ok && (sign ? EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1
                   : EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1);
  if (ok && rsa)
    ok = EVP_PKEY_CTX_set_rsa_padding(EVP_MD_CTX_get_pkey_ctx(context), RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(EVP_MD_CTX_get_pkey_ctx(context), RSA_PSS_SALTLEN_DIGEST) == 1;
  return ok;
}

static void end(EVP_MD_CTX *context)
{
  EVP_PKEY_CTX *pkey = EVP_MD_CTX_get_pkey_ctx(context);
  EVP_MD_CTX_free(context);
  EVP_PKEY_CTX_free(pkey); /* it was set by hand: it is ours */
}

bool signature_is_right(const char *text, const uint8_t *bytes, size_t size)
{
  uint8_t signature[512];
  if (centre_keys_count == 0) return true;
  size_t signature_size = text == NULL ? SIZE_MAX : hf_base64_decode(text, strlen(text), signature, sizeof signature);
  if (signature_size == SIZE_MAX) return false;
  bool ok = false;
  for (int i = 0; i < centre_keys_count && i < centre_keys_tried && !ok; i++) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ok = begin(context, centre_keys[i], false) && EVP_DigestVerify(context, signature, signature_size, bytes, size) == 1;
    end(context);
  }
  return ok;
}

bool signature_is_right_for(const char *type, const char *text, const uint8_t *body, size_t size)
{
  uint8_t bytes[16384];
  int head = snprintf((char *)bytes, sizeof bytes, "DSSEv1 %zu %s %zu ", strlen(type), type, size);
  if (centre_keys_count == 0) return true;
  if ((size_t)head + size > sizeof bytes) return false;
  memcpy(bytes + head, body, size);
  return signature_is_right(text, bytes, (size_t)head + size);
}

const char *signature_key_id(const char *code)
{
  return answer_key_of(code)->id;
}

void signature_make(const char *code, const void *bytes, size_t size, char text[700])
{
  uint8_t signature[512];
  size_t signature_size = sizeof signature;
  struct hf_writer writer = hf_writer_of(text, 699);
  text[0] = '\0';
  EVP_PKEY *answer_key = answer_key_of(code)->key;
  if (answer_key == NULL) return;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (begin(context, answer_key, true) && EVP_DigestSign(context, signature, &signature_size, bytes, size) == 1)
    hf_write_base64(&writer, signature, signature_size);
  end(context);
  text[writer.size] = '\0';
}
