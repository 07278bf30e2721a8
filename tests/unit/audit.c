/* Tree and notes: RFC 6962's own numbers, every proof of small trees against a plain definition, and each planted fault. */
#include "engine/audit/note.h"
#include "tests/unit/unit.h"

#define LEAVES_MAX 70

static struct hf_audit_hash leaves[LEAVES_MAX];
static enum hf_audit_digest digest; /* that the tests are run with */

/* Merkle Tree Hash exactly as RFC 6962 2.1 defines it. */
static struct hf_audit_hash plain_root(uint64_t from, uint64_t to)
{
  uint64_t k = 1;
  if (from == to) {
    return hf_audit_tree_root(&(struct hf_audit_tree){.digest = digest});
  }
  if (to - from == 1) return leaves[from];
  while (2 * k < to - from) k *= 2;
  struct hf_audit_hash left = plain_root(from, from + k), right = plain_root(from + k, to);
  return hf_audit_node_hash(digest, &left, &right);
}

static bool node(void *owner, uint32_t level, uint64_t index, struct hf_audit_hash *hash)
{
  uint32_t *asked = owner;
  (*asked)++;
  *hash = plain_root(index << level, (index + 1) << level);
  return true;
}

static uint32_t asked;
static struct hf_audit_source by_leaf = {.owner = &asked, .node = node}, by_step = {.owner = &asked, .node = node, .step = 2};

static void make_leaves(void)
{
  for (int i = 0; i < LEAVES_MAX; i++) {
    uint8_t bytes[] = {0, (uint8_t)i};
    hf_sha256_of(bytes, i == 0 ? 1 : 2, leaves[i].bytes); /* the first is the leaf of no bytes */
  }
}

static const char *hex(const struct hf_audit_hash *hash)
{
  static char text[65];
  for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", hash->bytes[i]);
  return text;
}

/* The test vectors of the reference implementation of RFC 6962 (certificate-transparency, merkletree tests). */
static void roots_are_the_published_ones(void **unused)
{
  (void)unused;
  static const struct {
    const char *bytes;
    size_t size;
  } inputs[] = {{"", 0},
                {"\x00", 1},
                {"\x10", 1},
                {"\x20\x21", 2},
                {"\x30\x31", 2},
                {"\x40\x41\x42\x43", 4},
                {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
                {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16}};
  static const char *const roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  struct hf_audit_tree tree = {.size = 0};
  struct hf_audit_node nodes[7];
  struct hf_audit_hash root = hf_audit_tree_root(&tree);
  assert_string_equal(hex(&root), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (size_t i = 0; i < 8; i++) {
    uint8_t leaf[17] = {0};
    struct hf_audit_hash hash;
    memcpy(leaf + 1, inputs[i].bytes, inputs[i].size);
    hf_sha256_of(leaf, 1 + inputs[i].size, hash.bytes);
    hf_audit_tree_add(&tree, &hash, nodes);
    root = hf_audit_tree_root(&tree);
    assert_string_equal(hex(&root), roots[i]);
  }
}

static void a_tree_grows_packs_and_tells_its_whole_nodes(void **unused)
{
  (void)unused;
  make_leaves();
  struct hf_audit_tree tree = {.digest = digest}, back;
  struct hf_audit_node nodes[7];
  uint8_t packed[HF_AUDIT_TREE_PACKED_MAX];
  for (uint64_t size = 0; size <= LEAVES_MAX; size++) {
    struct hf_audit_hash root = hf_audit_tree_root(&tree), wanted = plain_root(0, size);
    assert_memory_equal(&root, &wanted, sizeof root);
    size_t bytes = hf_audit_tree_pack(&tree, packed);
    assert_true(hf_audit_tree_unpack(&back, digest, (struct hf_span){packed, bytes}));
    root = hf_audit_tree_root(&back);
    assert_memory_equal(&root, &wanted, sizeof root);
    assert_false(hf_audit_tree_unpack(&back, digest, (struct hf_span){packed, bytes - 1}));
    if (size < LEAVES_MAX) assert_int_equal(hf_audit_tree_add(&tree, &leaves[size], nodes), 0);
  }
  tree = (struct hf_audit_tree){.digest = digest};
  uint32_t told = 0;
  for (uint32_t i = 0; i < 1u << 16; i++) {
    uint32_t count = hf_audit_tree_add(&tree, &leaves[i % LEAVES_MAX], nodes);
    told += count;
    if (count > 0) assert_true(nodes[0].level == 8 && nodes[0].index == i >> 8);
  }
  assert_int_equal(told, 256 + 1);
  assert_true(nodes[1].level == 16 && nodes[1].index == 0);
}

static void every_inclusion_is_proved_and_no_other(void **unused)
{
  (void)unused;
  struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX], again[HF_AUDIT_PROOF_MAX];
  make_leaves();
  for (uint64_t size = 1; size <= LEAVES_MAX; size++) {
    struct hf_audit_hash root = plain_root(0, size);
    for (uint64_t index = 0; index < size; index++) {
      int count = hf_audit_prove_inclusion(&by_leaf, index, size, proof);
      assert_true(count >= 0 && hf_audit_verify_inclusion(digest, &leaves[index], index, size, proof, count, &root));
      assert_int_equal(hf_audit_prove_inclusion(&by_step, index, size, again), count);
      assert_memory_equal(proof, again, (size_t)count * sizeof *proof);
      if (size > 1) {
        assert_false(hf_audit_verify_inclusion(digest, &leaves[(index + 1) % size], index, size, proof, count, &root));
        assert_false(hf_audit_verify_inclusion(digest, &leaves[index], index, size, proof, count - 1, &root));
        assert_false(hf_audit_verify_inclusion(digest, &leaves[index], (index + 1) % size, size, proof, count, &root));
        proof[size % (uint64_t)count].bytes[index % 32] ^= 1;
        assert_false(hf_audit_verify_inclusion(digest, &leaves[index], index, size, proof, count, &root));
      }
    }
    assert_int_equal(hf_audit_prove_inclusion(&by_leaf, size, size, proof), -1);
    assert_false(hf_audit_verify_inclusion(digest, &leaves[0], size, size, proof, 0, &root));
  }
}

static void every_growth_is_proved_and_no_other(void **unused)
{
  (void)unused;
  struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX];
  make_leaves();
  for (uint64_t size = 1; size <= LEAVES_MAX; size++) {
    struct hf_audit_hash root = plain_root(0, size);
    for (uint64_t old = 0; old <= size; old++) {
      struct hf_audit_hash old_root = plain_root(0, old), other = old_root;
      int count = hf_audit_prove_consistency(&by_step, old, size, proof);
      assert_true(count >= 0 && hf_audit_verify_consistency(digest, old, &old_root, size, &root, proof, count));
      other.bytes[0] ^= 1;
      if (old > 0) assert_false(hf_audit_verify_consistency(digest, old, &other, size, &root, proof, count));
      if (old > 0 && old < size) {
        other = root, other.bytes[31] ^= 1;
        assert_false(hf_audit_verify_consistency(digest, old, &old_root, size, &other, proof, count));
        assert_false(hf_audit_verify_consistency(digest, old, &old_root, size, &root, proof, count - 1));
        assert_false(hf_audit_verify_consistency(digest, size, &root, old, &old_root, proof, count)); /* shrunk */
        proof[(uint64_t)count - 1].bytes[3] ^= 4;
        assert_false(hf_audit_verify_consistency(digest, old, &old_root, size, &root, proof, count));
      }
    }
    assert_int_equal(hf_audit_prove_consistency(&by_leaf, size + 1, size, proof), -1);
  }
}

/* Each field of a leaf changes its hash, and no two fields run into each other. */
static void a_leaf_holds_all_it_says(void **unused)
{
  (void)unused;
  static const uint8_t salt[HF_AUDIT_SALT_SIZE] = {7};
  struct hf_span body = {(const uint8_t *)"body", 4};
  struct hf_audit_leaf leaf = {.digest = digest, .shard = 1, .seq = 2, .decided_us = 3, .kind = "order_ready", .boot_id = "b"};
  leaf.commitment = hf_audit_commit(digest, salt, body);
  struct hf_audit_hash first = hf_audit_leaf_hash(&leaf);
  struct hf_audit_leaf others[9];
  for (int i = 0; i < 9; i++) others[i] = leaf;
  others[0].shard = 2, others[1].seq = 3, others[2].decided_us = 4, others[3].kind = "order_sent", others[4].boot_id = "c";
  others[5].case_id.bytes[0] = 1, others[6].order_id.bytes[15] = 1, others[7].previous.bytes[0] = 1;
  others[8].commitment = hf_audit_commit(digest, salt, (struct hf_span){body.data, 3});
  for (int i = 0; i < 9; i++) {
    struct hf_audit_hash other = hf_audit_leaf_hash(&others[i]);
    assert_memory_not_equal(&first, &other, sizeof other);
  }
}

static void a_note_is_written_and_read(void **unused)
{
  (void)unused;
  char bytes[HF_AUDIT_NOTE_SIZE_MAX];
  struct hf_writer note = hf_writer_of(bytes, sizeof bytes);
  struct hf_audit_checkpoint checkpoint = {.origin = "holdfast/shard-3", .size = 1234}, back;
  memset(checkpoint.root.bytes, 7, sizeof checkpoint.root.bytes);
  assert_true(hf_audit_checkpoint_write(&checkpoint, &note));
  size_t text_size = note.size;
  uint8_t hash[4], other[4], signature[512];
  size_t at = 0, size;
  hf_audit_key_hash("centre", HF_NOTE_ED25519, (struct hf_span){signature, 32}, hash);
  hf_audit_key_hash("centre", HF_NOTE_SM2, (struct hf_span){signature, 32}, other);
  assert_memory_not_equal(hash, other, 4);
  hf_write_text(&note, "\n");
  hf_audit_note_sign(&note, "centre", other, (struct hf_span){(const uint8_t *)"first", 5});
  hf_audit_note_sign(&note, "centre", hash, (struct hf_span){(const uint8_t *)"second", 6});
  struct hf_span all = {note.data, note.size}, text;
  assert_true(hf_is_ok(hf_audit_checkpoint_read(all, &back, &text)));
  assert_string_equal(back.origin, checkpoint.origin);
  assert_int_equal(back.size, 1234);
  assert_memory_equal(&back.root, &checkpoint.root, sizeof back.root);
  assert_int_equal(text.size, text_size);
  assert_true(hf_audit_note_find(all, &at, "centre", hash, signature, &size));
  assert_int_equal(size, 6);
  assert_memory_equal(signature, "second", 6);
  assert_false(hf_audit_note_find(all, &at, "centre", hash, signature, &size));
  at = 0;
  assert_false(hf_audit_note_find(all, &at, "other", hash, signature, &size));
  for (size_t cut = 0; cut <= text_size; cut++)
    assert_int_equal(hf_audit_checkpoint_read((struct hf_span){note.data, cut}, &back, &text).kind, HF_STATUS_MALFORMED);
  static const char *const wrong[] = {
      "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n", "o\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
      "o\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
      "o\n1234567890123456789\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n", "o\n1\nAAAA\n\n"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    assert_false(
        hf_is_ok(hf_audit_checkpoint_read((struct hf_span){(const uint8_t *)wrong[i], strlen(wrong[i])}, &back, &text)));
}

/* GB/T 32905, appendix A: the digest of "abc"; and a tree of it is another than one of SHA-256. */
static void sm3_is_the_standards(void **unused)
{
  (void)unused;
  struct hf_audit_hash hash, left = {{0}}, right = {{1}};
  for (int i = 0; i < 2; i++) { /* its context is used again */
    hf_sm3_begin();
    hf_sm3_add("a", 1);
    hf_sm3_add("bc", 2);
    hf_sm3_end(hash.bytes);
    assert_string_equal(hex(&hash), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  }
  struct hf_audit_hash sha256 = hf_audit_node_hash(HF_AUDIT_SHA256, &left, &right),
                       sm3 = hf_audit_node_hash(HF_AUDIT_SM3, &left, &right);
  assert_memory_not_equal(&sha256, &sm3, sizeof sm3);
  enum hf_audit_digest named = HF_AUDIT_SHA256;
  assert_true(hf_audit_digest_of("sm3", &named) && named == HF_AUDIT_SM3 && !hf_audit_digest_of("md5", &named));
}

static int with_sm3(void **unused)
{
  (void)unused;
  digest = by_leaf.digest = by_step.digest = HF_AUDIT_SM3;
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(roots_are_the_published_ones),
      cmocka_unit_test(a_tree_grows_packs_and_tells_its_whole_nodes),
      cmocka_unit_test(every_inclusion_is_proved_and_no_other),
      cmocka_unit_test(every_growth_is_proved_and_no_other),
      cmocka_unit_test(a_leaf_holds_all_it_says),
      cmocka_unit_test(a_note_is_written_and_read),
      cmocka_unit_test(sm3_is_the_standards),
  };
  const struct CMUnitTest again[] = {
      cmocka_unit_test(a_tree_grows_packs_and_tells_its_whole_nodes),
      cmocka_unit_test(every_inclusion_is_proved_and_no_other),
      cmocka_unit_test(every_growth_is_proved_and_no_other),
      cmocka_unit_test(a_leaf_holds_all_it_says),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed + cmocka_run_group_tests_name("with SM3", again, with_sm3, NULL);
}
