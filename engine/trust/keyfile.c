#include "engine/trust/keyfile.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "engine/trust/key.h"

static bool write_pem(EVP_PKEY *key, const char *prefix, bool private_part)
{
  char file[512];
  snprintf(file, sizeof file, "%s.%s.pem", prefix, private_part ? "key" : "pub");
  int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, private_part ? 0600 : 0644);
  FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
  if (out == NULL) return false;
  int ok = private_part ? PEM_write_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) : PEM_write_PUBKEY(out, key);
  return (fclose(out) == 0) & (ok == 1);
}

struct hf_status hf_keyfile_generate(enum hf_algorithm algorithm, const char *prefix, char id[HF_KEY_ID_SIZE + 1])
{
  EVP_PKEY *key = hf_key_generate(algorithm);
  if (key == NULL) return hf_fail(HF_STATUS_REFUSED, "a key of this algorithm cannot be made");
  bool ok = hf_key_id_of(key, id) && write_pem(key, prefix, true) && write_pem(key, prefix, false);
  EVP_PKEY_free(key);
  return ok ? hf_ok() : hf_fail(HF_STATUS_REFUSED, "the key files cannot be written; existing ones are never replaced");
}

struct hf_status hf_keyfile_read_public(const char *file, struct hf_key *key)
{
  FILE *in = fopen(file, "re");
  EVP_PKEY *loaded = in == NULL ? NULL : PEM_read_PUBKEY(in, NULL, NULL, NULL);
  if (in != NULL) fclose(in);
  if (loaded == NULL) return hf_fail(HF_STATUS_MALFORMED, "the file is no public key in PEM form");
  key->algorithm = hf_key_algorithm(loaded);
  size_t size = hf_key_public_der(loaded, key->public_key, sizeof key->public_key);
  key->public_key_size = (uint16_t)size;
  bool ok = size > 0 && key->algorithm != HF_ALGORITHM_UNSET && hf_key_id_of(loaded, key->id);
  EVP_PKEY_free(loaded);
  return ok ? hf_ok() : hf_fail(HF_STATUS_REFUSED, "the key is not Ed25519, P-256, RSA-2048 or SM2");
}
