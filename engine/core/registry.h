/*
 * Registry: institutions, keys and policy, as one shard knows them at one place in its log.
 *
 * Why:    whatever decides has its place in the log (design.md law 2), so the registry is part of each core's state and
 *         changes only by evolve. Trust and dispatch work from the same rows, handed to them by the daemon.
 * Bounds: HF_INSTITUTIONS_MAX, HF_KEYS_MAX rows.
 */
#ifndef HF_CORE_REGISTRY_H
#define HF_CORE_REGISTRY_H

#include "engine/base/ids.h"
#include "engine/base/personal.h"
#include "engine/core/reason.h"

/* clang-format off */
#define HF_ROLES(X) X(OFFICER, "officer") X(LEADER, "leader") X(MACHINE, "machine") X(ADMINISTRATOR, "administrator")
#define HF_ALGORITHMS(X)                                                                      \
  X(ED25519, "ed25519") X(ECDSA_P256_SHA256, "ecdsa-p256") X(RSA_PSS_SHA256, "rsa2048-pss")   \
  X(RSA_PKCS1_SHA256, "rsa2048-pkcs1") X(SM2_SM3, "sm2-sm3")
/* clang-format on */

enum hf_role {
  HF_ROLE_UNSET = 0,
#define X(name, code) HF_ROLE_##name,
  HF_ROLES(X)
#undef X
      HF_ROLE_COUNT
};

enum hf_algorithm {
  HF_ALGORITHM_UNSET = 0,
#define X(name, code) HF_ALGORITHM_##name,
  HF_ALGORITHMS(X)
#undef X
      HF_ALGORITHM_COUNT
};

const char *hf_role_code(enum hf_role role);
enum hf_role hf_role_of_code(const char *code);
const char *hf_algorithm_code(enum hf_algorithm algorithm);
enum hf_algorithm hf_algorithm_of_code(const char *code);

struct hf_institution {
  char code[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  char name[HF_NAME_SIZE_MAX + 1];
  char dialect[24];
  char transport[16];
  char endpoint[HF_ENDPOINT_SIZE_MAX + 1];
  bool payment_company;
  bool enabled;
  uint32_t window;      /* 1…HF_LANE_WINDOW_MAX */
  uint32_t connections; /* 1…HF_LANE_CONNECTIONS_MAX, kept warm */
  uint32_t pace_per_s;  /* 0 = no limit */
  uint32_t try_timeout_ms;
  uint32_t sla_feedback_ms; /* 0 = the policy's */
};

struct hf_key {
  char id[HF_KEY_ID_SIZE + 1];
  char holder[HF_REFERENCE_SIZE_MAX + 1];
  char unit[HF_REFERENCE_SIZE_MAX + 1];
  enum hf_role role;
  enum hf_algorithm algorithm;
  uint16_t public_key_size;
  uint8_t public_key[HF_PUBLIC_KEY_SIZE_MAX];
  int64_t valid_from_wall_ns;
  int64_t valid_until_wall_ns;
  bool revoked;
};

struct hf_policy {
  uint32_t version; /* 0: the built-in one, before the first policy was signed */
  uint32_t feedback_ms;
};

struct hf_registry_change {
  struct hf_uuid id;
  int64_t made_wall_ns;
  uint32_t institutions_count;
  uint32_t keys_count;
  bool has_policy;
  struct hf_institution institutions[HF_REGISTRY_ROWS_MAX];
  struct hf_key keys[HF_REGISTRY_ROWS_MAX];
  struct hf_policy policy;
};

struct hf_registry {
  uint32_t institutions_count;
  uint32_t keys_count;
  struct hf_policy policy;
  struct hf_institution institutions[HF_INSTITUTIONS_MAX];
  struct hf_key keys[HF_KEYS_MAX];
};

/* NULL where there is none of that name. */
const struct hf_institution *hf_registry_institution(const struct hf_registry *registry, const char *code);
const struct hf_key *hf_registry_key(const struct hf_registry *registry, const char *id);

/* A row's own bounds, without regard to the rest of the registry. */
bool hf_institution_is_sound(const struct hf_institution *row);
bool hf_key_is_sound(const struct hf_key *row);

/* NONE where the key may act at this append time; otherwise the reason, in the order of reason.h. */
enum hf_reason hf_key_refusal(const struct hf_key *key, int64_t appended_wall_ns);

/* Evolve: sets or replaces one row. Requires: sound, and room or a row of that name. */
void hf_registry_set_institution(struct hf_registry *registry, const struct hf_institution *row);
void hf_registry_set_key(struct hf_registry *registry, const struct hf_key *row);

uint64_t hf_registry_checksum(const struct hf_registry *registry, uint64_t seed);

#endif
