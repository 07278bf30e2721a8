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
#include "engine/core/contact.h"
#include "engine/core/reason.h"
#include "engine/core/sla.h"

/* clang-format off */
#define HF_ROLES(X) X(OFFICER, "officer") X(LEADER, "leader") X(MACHINE, "machine") X(ADMINISTRATOR, "administrator") \
  X(INSTITUTION, "institution") X(AUDITOR, "auditor")
#define HF_ALGORITHMS(X)                                                                      \
  X(ED25519, "ed25519") X(ECDSA_P256_SHA256, "ecdsa-p256") X(RSA_PSS_SHA256, "rsa2048-pss")   \
  X(RSA_PKCS1_SHA256, "rsa2048-pkcs1") X(SM2_SM3, "sm2-sm3")
/* A message's authentication code by a key that two share, cut to 8 bytes: ANSI X9.19 (two-key DES), CMAC (SP 800-38B). */
#define HF_MACS(X) X(X919, "x919") X(AES_CMAC, "aes_cmac") X(SM4_CMAC, "sm4_cmac")
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

enum hf_mac {
  HF_MAC_NONE = 0,
#define X(name, code) HF_MAC_##name,
  HF_MACS(X)
#undef X
      HF_MAC_COUNT
};
#define HF_MAC_SIZE 8
#define HF_CONTACTS 2

const char *hf_role_code(enum hf_role role);
enum hf_role hf_role_of_code(const char *code);
const char *hf_algorithm_code(enum hf_algorithm algorithm);
enum hf_algorithm hf_algorithm_of_code(const char *code);
enum hf_mac hf_mac_of_code(const char *code); /* HF_MAC_NONE: no such */

struct hf_institution {
  char code[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  char name[HF_NAME_SIZE_MAX + 1];
  char dialect[24];
  char transport[16];
  char endpoint[HF_ENDPOINT_SIZE_MAX + 1];
  char bank_code[13];                    /* 12 digits; "": it has none */
  char profile[HF_PROFILE_SIZE_MAX + 1]; /* "key=value key=value": what its dialect lets it spell its own way */
  bool payment_company;
  bool carrier; /* a telecom: takes number blocks and nothing else */
  bool enabled;
  bool swallows_duplicates; /* drops what it has seen, silently (domain.md 3.2): an unknown order is probed, not resent */
  uint32_t window;          /* 1…HF_LANE_WINDOW_MAX */
  uint32_t connections;     /* 1…HF_LANE_CONNECTIONS_MAX, kept warm */
  uint32_t pace_per_s;      /* 0 = no limit */
  uint32_t try_timeout_ms;
  uint32_t sla_feedback_ms;     /* 0 = the policy's */
  uint32_t actions;             /* bit 1 << enum hf_action of what its dialect can say; 0 = everything */
  int64_t paused_until_wall_ns; /* an administrator's: its orders wait in their lane until then; 0: they do not */
  int64_t paused_from_wall_ns;  /* … and not before: an announced maintenance; 0: at once */
  /* Another way to that institution, a second endpoint or a secondary channel (design.md section 7): it carries that one's
   * orders when its own row comes to nothing, and has no accounts. "": an institution itself. */
  char stands_for[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  char contacts[HF_CONTACTS][HF_CONTACT_SIZE_MAX + 1]; /* A and B, as contact.h reads them; "": none */
};

struct hf_key {
  char id[HF_KEY_ID_SIZE + 1];
  char holder[HF_REFERENCE_SIZE_MAX + 1];
  char unit[HF_REFERENCE_SIZE_MAX + 1];
  char jurisdiction[HF_REFERENCE_SIZE_MAX + 1]; /* units whose cases it may act on begin with this; "": its own unit's only */
  enum hf_role role;
  enum hf_algorithm algorithm;
  uint16_t public_key_size;
  uint8_t public_key[HF_PUBLIC_KEY_SIZE_MAX];
  int64_t valid_from_wall_ns;
  int64_t valid_until_wall_ns;
  bool revoked;
};

/* What a centre decides about itself, signed and versioned (design.md section 10). hf_policy_default() is version 0. */
struct hf_policy {
  uint32_t version;          /* 0: the built-in one, before the first policy was signed */
  uint32_t feedback_ms;      /* SLA where the institution's row has none */
  uint32_t lift_ms;          /* 及时解冻: a lift's own clock */
  uint32_t stops_max;        /* on one account in one case (86号 II(1)2: two) */
  uint32_t extend_counts;    /* 1: an extension is the second stop (domain.md 1.2, open point 1) */
  uint32_t countersign_s;    /* a stop's second officer */
  uint32_t pending_s;        /* a submission waits this long for its second officer */
  uint32_t bulk_accounts;    /* a report on more accounts needs two officers */
  uint32_t paper_s;          /* act first, paper within this time (types 02–05) */
  uint32_t freeze_days;      /* a freeze's longest term */
  uint32_t tiny_share_bp;    /* a payment of whose amount less than this is stolen money leads to a draft */
  uint32_t old_payee_days;   /* so does one to somebody who was paid this long before */
  uint32_t requeries;        /* of one account, when more stolen money reaches it */
  uint32_t reconcile_s;      /* holds in force are compared with the institutions this often; 0: on demand only */
  uint32_t machine_targets;  /* accounts that a machine's report may name; 0: machines may not report */
  uint32_t machine_per_hour; /* reports of one machine key */
  uint32_t call_s;           /* a silent institution's next person is called after this; 0: nobody is */
  int64_t machine_amount;    /* the most that one of its transfers may say */
};
struct hf_policy hf_policy_default(void);
bool hf_policy_is_sound(const struct hf_policy *policy);

/* Utilities, tax, courts, large merchants: orders on them are drafts, never automatic (design.md section 11). */
struct hf_protected {
  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1];
  struct hf_account_number account;
};

struct hf_registry_change {
  struct hf_uuid id;
  int64_t made_wall_ns;
  uint32_t institutions_count;
  uint32_t keys_count;
  uint32_t protected_count;
  bool has_policy, has_sla;
  struct hf_institution institutions[HF_REGISTRY_ROWS_MAX];
  struct hf_key keys[HF_REGISTRY_ROWS_MAX];
  struct hf_protected protected[HF_REGISTRY_ROWS_MAX];
  struct hf_policy policy;
  struct hf_sla sla;
};

/* How many reports a machine key has made in the hour that began at `hour` (hours since 1970). */
struct hf_machine_use {
  char key_id[HF_KEY_ID_SIZE + 1];
  int64_t hour;
  uint32_t reports;
};

struct hf_registry {
  uint32_t institutions_count;
  uint32_t keys_count;
  uint32_t protected_count;
  uint32_t machines_count;
  uint32_t sla_version; /* the newest; at sla[version % HF_SLA_KEPT], with those before it */
  struct hf_policy policy;
  struct hf_sla_rules sla[HF_SLA_KEPT];
  struct hf_institution institutions[HF_INSTITUTIONS_MAX];
  struct hf_key keys[HF_KEYS_MAX];
  struct hf_protected protected[HF_PROTECTED_MAX];
  struct hf_machine_use machines[HF_MACHINES_MAX];
};

/* NULL where there is none of that name. */
/* By its code, else by the 12-digit bank code that other institutions name it by. */
const struct hf_institution *hf_registry_called(const struct hf_registry *registry, const char *code);
const struct hf_institution *hf_registry_institution(const struct hf_registry *registry, const char *code);
const struct hf_key *hf_registry_key(const struct hf_registry *registry, const char *id);

/* Its pause, or the maintenance that was announced. */
bool hf_institution_is_paused(const struct hf_institution *row, int64_t now_wall_ns);
/* Whether the row is that institution's: its own, or one that stands for it. */
bool hf_institution_is_row_of(const struct hf_institution *row, const char *code);
/* The institution that the row is of. */
const char *hf_institution_of(const struct hf_institution *row);

/* A row's own bounds, without regard to the rest of the registry. */
bool hf_institution_is_sound(const struct hf_institution *row);
bool hf_key_is_sound(const struct hf_key *row);

/* NONE where the key may act at this append time; otherwise the reason, in the order of reason.h. */
enum hf_reason hf_key_refusal(const struct hf_key *key, int64_t appended_wall_ns);

/* Evolve: sets or replaces one row. Requires: sound, and room or a row of that name. */
void hf_registry_set_institution(struct hf_registry *registry, const struct hf_institution *row);
void hf_registry_set_key(struct hf_registry *registry, const struct hf_key *row);
void hf_registry_set_protected(struct hf_registry *registry, const struct hf_protected *row);
void hf_registry_set_machine_use(struct hf_registry *registry, const struct hf_machine_use *use);

void hf_registry_set_sla(struct hf_registry *registry, const struct hf_sla *sla);
/* The newest SLA policy that is effective at that time; NULL: there is none. */
const struct hf_sla_rules *hf_registry_sla(const struct hf_registry *registry, int64_t at_wall_ns);

bool hf_registry_protects(const struct hf_registry *registry, const char *institution, const struct hf_account_number *account);
uint32_t hf_registry_machine_reports(const struct hf_registry *registry, const char *key_id, int64_t hour);

uint64_t hf_registry_checksum(const struct hf_registry *registry, uint64_t seed);

#endif
