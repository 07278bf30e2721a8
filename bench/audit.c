/*
 * Bench: the audit tree alone: leaves of facts as the engine makes them, verified again, and proofs of one in ten million.
 * usage: audit_bench LEAVES; prints JSON: seconds and ns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/audit/tree.h"
#include "engine/base/assert.h"
#include "engine/base/time.h"

#define BODY 420 /* a fact's median, as protobuf */

static struct hf_audit_hash *levels[4]; /* 0, 8, 16, 24: what PostgreSQL keeps */
static uint64_t sizes[4];

static bool node(void *owner, uint32_t level, uint64_t index, struct hf_audit_hash *hash)
{
  (void)owner;
  if (level % 8 != 0 || level / 8 > 3 || index >= sizes[level / 8]) return false;
  *hash = levels[level / 8][index];
  return true;
}

static struct hf_audit_hash leaf_of(uint64_t seq, const struct hf_audit_hash *previous)
{
  uint8_t body[BODY], salt[HF_AUDIT_SALT_SIZE] = {0};
  memset(body, (int)(seq & 0xff), sizeof body);
  memcpy(salt, &seq, sizeof seq);
  const struct hf_audit_leaf leaf = {.shard = 1,
                                     .seq = seq,
                                     .decided_us = (int64_t)(1700000000000000ULL + seq),
                                     .kind = "order_received",
                                     .boot_id = "0b1e0f0e-94d6-4a52-a3f1-2f4ff0a0cbd1",
                                     .previous = *previous,
                                     .commitment = hf_audit_commit(HF_AUDIT_SHA256, salt, (struct hf_span){body, sizeof body})};
  return hf_audit_leaf_hash(&leaf);
}

int main(int argc, char **argv)
{
  uint64_t count = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
  HF_ASSERT(count > 1000);
  struct hf_audit_tree tree = {.size = 0};
  struct hf_audit_node nodes[7];
  for (int i = 0; i < 4; i++) {
    levels[i] = malloc(((count >> (8 * i)) + 1) * sizeof *levels[i]);
    HF_ASSERT(levels[i] != NULL);
  }
  int64_t began = hf_time_now().mono_ns;
  for (uint64_t seq = 1; seq <= count; seq++) {
    struct hf_audit_hash leaf = leaf_of(seq, &tree.last);
    uint32_t made = hf_audit_tree_add(&tree, &leaf, nodes);
    levels[0][sizes[0]++] = leaf;
    for (uint32_t i = 0; i < made && nodes[i].level <= 24; i++)
      levels[nodes[i].level / 8][sizes[nodes[i].level / 8]++] = nodes[i].hash;
  }
  double seconds = (double)(hf_time_now().mono_ns - began) / HF_NS_PER_S;
  struct hf_audit_hash root = hf_audit_tree_root(&tree), proof[HF_AUDIT_PROOF_MAX], old_root;
  const struct hf_audit_source source = {.node = node, .step = 8};
  int64_t worst_inclusion = 0, worst_consistency = 0;
  int most = 0;
  for (uint64_t i = 0; i < 1000; i++) {
    uint64_t index = i * (count / 1000);
    began = hf_time_now().mono_ns;
    int hashes = hf_audit_prove_inclusion(&source, index, count, proof);
    bool right = hf_audit_verify_inclusion(HF_AUDIT_SHA256, &levels[0][index], index, count, proof, hashes, &root);
    int64_t took = hf_time_now().mono_ns - began;
    HF_ASSERT(right);
    if (took > worst_inclusion) worst_inclusion = took;
    if (hashes > most) most = hashes;
  }
  struct hf_audit_tree old = {.size = 0};
  for (uint64_t size = 1; size <= 1000; size++) {
    hf_audit_tree_add(&old, &levels[0][size - 1], nodes);
    old_root = hf_audit_tree_root(&old);
    began = hf_time_now().mono_ns;
    int hashes = hf_audit_prove_consistency(&source, size, count, proof);
    bool right = hf_audit_verify_consistency(HF_AUDIT_SHA256, size, &old_root, count, &root, proof, hashes);
    int64_t took = hf_time_now().mono_ns - began;
    HF_ASSERT(right);
    if (took > worst_consistency) worst_consistency = took;
  }
  printf(
      "{\"leaves\": %llu, \"seconds\": %.2f, \"ns_per_leaf\": %.0f, \"inclusion_us\": %.1f, \"consistency_us\": %.1f, "
      "\"proof_hashes\": %d}\n",
      (unsigned long long)count, seconds, seconds * 1e9 / (double)count, (double)worst_inclusion / 1e3,
      (double)worst_consistency / 1e3, most);
  return 0;
}
