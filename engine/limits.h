/*
 * Every bound of the engine, in one file, with the sum shown (design.md law 9).
 *
 * Why:    "full" must mean back-pressure, never a spin, a drop or a crash; so each queue, table and buffer has a number
 *         here and a reason beside it. Sizes that an operator may change are configuration; these are their ceilings.
 * Memory: pools are reserved at start and touched when used, so an idle shard costs address space, not resident memory.
 */
#ifndef HF_LIMITS_H
#define HF_LIMITS_H

#include <stdint.h>

/* --- what a submission may hold (checked before anything is unpacked) --- */
#define HF_RECORD_SIZE_MAX (256 * 1024)   /* 200 transfers of ~600 bytes fit twice; protobuf-c is never shown more */
#define HF_PAYLOAD_TYPE_SIZE_MAX 96       /* our longest payload type has 46 bytes */
#define HF_SIGNATURES_MAX 4               /* maker, approver and two in reserve */
#define HF_SIGNATURE_SIZE_MAX 512         /* RSA-4096; RSA-2048 needs 256 */
#define HF_TARGETS_MAX 200                /* transfers in one report: the largest split seen is 12 (Wuhan) */
#define HF_UNPACK_ARENA_SIZE (512 * 1024) /* protobuf structs of the largest legal record: 200 x ~700 bytes + strings */
#define HF_REGISTRY_ROWS_MAX 256          /* rows in one registry submission; more rows, more submissions */

/* --- what one core keeps --- */
#define HF_SHARDS_MAX 64            /* partitions a process may own; more than 16 doubles Kafka's p50 (tech 1.9) */
#define HF_INSTITUTIONS_MAX 512     /* rows of the registry per shard */
#define HF_KEYS_MAX 1024            /* officers, machines, administrators per shard */
#define HF_PROTECTED_MAX 2048       /* protected accounts per shard */
#define HF_MACHINES_MAX 64          /* machine keys that have reported */
#define HF_CASE_ORDERS_MAX 1024     /* orders of one case: 200 targets x 2 actions, then the chase */
#define HF_CASE_ACCOUNTS_MAX 512    /* half of the orders: each account has a stop and a query at least */
#define HF_CASE_SUBMISSIONS_MAX 128 /* reports and commands of one case: all are kept, their ids are used up */
#define HF_CASE_ROOTS_MAX 512       /* victims' transfers of one case */
#define HF_CASE_TRACES_MAX 4096     /* onward transfers of one case that carry stolen money */
#define HF_STEP_FACTS_MAX (HF_TARGETS_MAX * 4 + 16)        /* claim + account + stop + query each, and the case */
#define HF_CHASE_STEP_FACTS (HF_CHASE_FANOUT_MAX * 4 + 64) /* what the answer to one query may lead to */
#define HF_CHASE_FANOUT_MAX 100                            /* onward accounts followed from one account */
#define HF_CHASE_HOPS_MAX 15
#define HF_RECENT_CASES_MAX 8192 /* rested cases a shard remembers: 2 a second for an hour; older ones are looked up */

/* --- lanes --- */
#define HF_LANE_QUEUE_MAX 65536             /* orders waiting for one institution */
#define HF_LANE_WINDOW_MAX 64               /* sent and unanswered at one institution */
#define HF_LANE_CONNECTIONS_MAX 32          /* keep-alive connections to one institution (tech 1.10) */
#define HF_HANDSHAKES_PER_TURN 2            /* new TLS connections started in one turn of the loop: ~2 ms of CPU each */
#define HF_ORDER_BODY_SIZE_MAX 8192         /* an order is ~900 bytes as JSON, ~1,600 as XML; escapes make it longer */
#define HF_ANSWER_BODY_SIZE_MAX (64 * 1024) /* an institution's reply; more is MALFORMED (reliability 4.4) */
#define HF_ANSWER_RECORD_SIZE_MAX (HF_ANSWER_BODY_SIZE_MAX + 1024) /* the same in its envelope, or as a callback */
#define HF_ANSWER_ROWS_MAX 500  /* transactions in one answer: 64 KiB at ~130 bytes; a longer list comes in pages */
#define HF_ANSWER_HOLDS_MAX 64  /* holds in force in one answer */
#define HF_QUERY_PAGES_MAX 250  /* pages of one account's list: 125,000 rows */
#define HF_CONTACT_SIZE_MAX 127 /* bytes of whom an institution named to be called */
#define HF_WAYS_MAX 3           /* other rows that may stand for an institution */
#define HF_QUICK_TRIES 3        /* immediate resends before the order is unknown (reliability 1, retries) */

/* --- stages --- */
#define HF_INTAKE_SLOTS 1024                         /* records between poll and core: 1024 x ~1 KiB typical */
#define HF_INTAKE_BYTES_MAX (8 * 1024 * 1024)        /* bytes held by those records */
#define HF_PROOFS_MAX 64                             /* signed answers being checked: 64 KiB each */
#define HF_TRUST_JOBS_MAX (2048 + HF_PROOFS_MAX + 2) /* signatures being made or checked */
#define HF_TRUST_WORKERS_MAX 4
#define HF_RECORD_BATCH_FACTS 1024        /* facts in one transaction; the largest step is one transaction */
#define HF_RECORD_BACKLOG_FACTS (1 << 20) /* facts waiting while PostgreSQL is away: ~200 s at 5,000/s */
#define HF_RECORD_BACKLOG_BYTES (256u * 1024 * 1024)
#define HF_CHECKPOINT_SIZE_MAX 1024 /* a signed note with an Ed25519 and an SM2 line: ~400 bytes */
#define HF_QUESTION_CASES_MAX 64    /* cases whose new accounts are looked for in others, in one question */
#define HF_PUBLISH_BACKLOG 8192     /* Kafka records waiting for the broker's acknowledgement */
#define HF_RAW_KEPT_SIZE 1024       /* first bytes of a bad answer kept as evidence */

/* --- time --- */
#define HF_FUTURE_TOLERANCE_NS (120LL * 1000000000) /* security.md section 1: window of 120 s */
#define HF_STOP_TERM_NS (48LL * 3600 * 1000000000)  /* 86号 II(1)2: 48 h from the stop */
#define HF_PROFILE_SIZE_MAX 128                     /* an institution's own spellings, for its dialect */
#define HF_YOUNG_CASE_NS (3600LL * 1000000000)      /* design.md section 5: a younger case never waits for a look-up */

/* --- field widths (domain.md 3.3), in bytes of UTF-8 --- */
#define HF_ACCOUNT_NUMBER_SIZE_MAX 50
#define HF_NAME_SIZE_MAX 120
#define HF_INSTITUTION_CODE_SIZE_MAX 12
#define HF_REFERENCE_SIZE_MAX 64
#define HF_ENDPOINT_SIZE_MAX 160
#define HF_KEY_ID_SIZE 32           /* hex of the first 16 bytes of SHA-256 over the public key's DER */
#define HF_PUBLIC_KEY_SIZE_MAX 320  /* RSA-2048 SPKI is 294 bytes */
#define HF_DIGEST_SIZE 32           /* SHA-256 */
#define HF_REASON_TEXT_SIZE_MAX 200 /* an officer's words: why */

#define HF_AMOUNT_MAX 100000000000000LL /* 10^12 in major units: above any claim, far below overflow of a sum */

_Static_assert(HF_TARGETS_MAX * 2 <= HF_CASE_ORDERS_MAX, "a full report must fit into a case");
_Static_assert(HF_CASE_ACCOUNTS_MAX * 2 <= HF_CASE_ORDERS_MAX, "each account has a stop and a query");
_Static_assert(HF_TARGETS_MAX <= HF_CASE_ROOTS_MAX, "a full report's transfers must fit into a case");
_Static_assert(HF_CHASE_STEP_FACTS <= HF_STEP_FACTS_MAX, "one answer's chase is one step");
_Static_assert(HF_AMOUNT_MAX < INT64_MAX / HF_CASE_ORDERS_MAX, "a case's sum cannot overflow");
_Static_assert(HF_LANE_CONNECTIONS_MAX <= HF_LANE_WINDOW_MAX, "a connection without a window slot would idle");
_Static_assert(HF_RECORD_BATCH_FACTS <= HF_RECORD_BACKLOG_FACTS, "a batch is part of the backlog");
_Static_assert(HF_STEP_FACTS_MAX <= HF_RECORD_BATCH_FACTS, "a submission and its offset share a transaction");

#endif
