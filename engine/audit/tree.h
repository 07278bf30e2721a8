/*
 * Tree: the tamper-evident record of one shard: a leaf per fact, RFC 6962's tree over them.
 *
 * Why:    a superuser can change any row; nobody can change a row and keep the root that was signed and cosigned before.
 * Source: RFC 6962 section 2.1 (leaf 0x00, node 0x01, empty tree = hash of nothing); SHA-256, or SM3 (GB/T 32905). What a leaf
 * holds is README.md. Bounds: 2^63 leaves; a proof has at most HF_AUDIT_PROOF_MAX hashes. Memory: the caller's. Thread: any.
 * Errors: verify says false; nothing else can fail.
 */
#ifndef HF_AUDIT_TREE_H
#define HF_AUDIT_TREE_H

#include <stdbool.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/ids.h"

#define HF_AUDIT_SALT_SIZE 16
#define HF_AUDIT_PROOF_MAX 64
#define HF_AUDIT_TREE_PACKED_MAX (8 + 32 + 64 * 32)

/* What a record's leaves and nodes are hashed with: chosen once, while it is empty. Both give 32 bytes. */
enum hf_audit_digest { HF_AUDIT_SHA256, HF_AUDIT_SM3 };

const char *hf_audit_digest_name(enum hf_audit_digest digest); /* "sha256", "sm3" */
/* False: it is neither. */
bool hf_audit_digest_of(const char *name, enum hf_audit_digest *digest);

struct hf_audit_hash {
  uint8_t bytes[HF_SHA256_SIZE];
};

/* One fact as its leaf has it. The body itself is not in the leaf: only a salted commitment to it. */
struct hf_audit_leaf {
  enum hf_audit_digest digest;
  uint32_t shard;
  uint64_t seq; /* from 1; the leaf's index is one less */
  int64_t decided_us;
  const char *kind, *boot_id;
  struct hf_uuid case_id, order_id; /* zero: none */
  struct hf_audit_hash previous;    /* the leaf before, zero for the first */
  struct hf_audit_hash commitment;  /* hf_audit_commit */
};

/* Hash of salt and body: without the salt nobody can try likely bodies; without both the leaf still verifies. */
struct hf_audit_hash hf_audit_commit(enum hf_audit_digest digest, const uint8_t salt[HF_AUDIT_SALT_SIZE], struct hf_span body);
struct hf_audit_hash hf_audit_leaf_hash(const struct hf_audit_leaf *leaf);
struct hf_audit_hash hf_audit_node_hash(enum hf_audit_digest digest, const struct hf_audit_hash *left,
                                        const struct hf_audit_hash *right);

/* The growing tree: only the roots of its whole subtrees, largest last. */
struct hf_audit_tree {
  enum hf_audit_digest digest;
  uint64_t size;
  struct hf_audit_hash last;      /* leaf */
  struct hf_audit_hash peaks[64]; /* peaks[i] is there where bit i of size is set */
};

/* A node whose subtree is whole: it never changes again. */
struct hf_audit_node {
  uint32_t level; /* of 2^level leaves */
  uint64_t index;
  struct hf_audit_hash hash;
};

/* Adds a leaf; writes the nodes of level 8, 16, … that became whole (at most 7) and returns how many. */
uint32_t hf_audit_tree_add(struct hf_audit_tree *tree, const struct hf_audit_hash *leaf, struct hf_audit_node nodes[7]);
struct hf_audit_hash hf_audit_tree_root(const struct hf_audit_tree *tree);
/* As it stands in the shard's row, without its digest; returns the size. False where the bytes are no packed tree. */
size_t hf_audit_tree_pack(const struct hf_audit_tree *tree, uint8_t out[HF_AUDIT_TREE_PACKED_MAX]);
bool hf_audit_tree_unpack(struct hf_audit_tree *tree, enum hf_audit_digest digest, struct hf_span packed);

/* Where hashes of whole subtrees come from: level 0 are leaves. */
struct hf_audit_source {
  enum hf_audit_digest digest;
  void *owner;
  /* False: it cannot be had, the proof fails. */
  bool (*node)(void *owner, uint32_t level, uint64_t index, struct hf_audit_hash *hash);
  uint32_t step; /* the source has levels 0, step, 2 step, …; 0: only leaves */
};

/* RFC 6962 2.1.1 and 2.1.2. Return how many hashes, -1 where a node could not be had or the numbers are wrong. */
int hf_audit_prove_inclusion(const struct hf_audit_source *source, uint64_t index, uint64_t size,
                             struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX]);
int hf_audit_prove_consistency(const struct hf_audit_source *source, uint64_t old_size, uint64_t size,
                               struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX]);
bool hf_audit_verify_inclusion(enum hf_audit_digest digest, const struct hf_audit_hash *leaf, uint64_t index, uint64_t size,
                               const struct hf_audit_hash *proof, int count, const struct hf_audit_hash *root);
bool hf_audit_verify_consistency(enum hf_audit_digest digest, uint64_t old_size, const struct hf_audit_hash *old_root,
                                 uint64_t size, const struct hf_audit_hash *root, const struct hf_audit_hash *proof, int count);

#endif
