/*
 * Config: what an operator may set; one table that parses it, checks it and writes its reference (configuration.md).
 * Errors: file, line, key and the allowed values; the first one stops the start.
 */
#ifndef HF_DAEMON_CONFIG_H
#define HF_DAEMON_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "engine/base/status.h"
#include "engine/core/core.h"

#define HF_CONFIG_TEXT_MAX 512

struct hf_config {
  char kafka_brokers[HF_CONFIG_TEXT_MAX];
  char kafka_reports[HF_CONFIG_TEXT_MAX];
  char kafka_facts[HF_CONFIG_TEXT_MAX];
  char kafka_alerts[HF_CONFIG_TEXT_MAX];
  char kafka_answers[HF_CONFIG_TEXT_MAX];
  char kafka_group[HF_CONFIG_TEXT_MAX];
  int64_t kafka_fetch_wait_ms;
  int64_t kafka_session_ms;
  char postgres_conninfo[HF_CONFIG_TEXT_MAX];
  int64_t postgres_pace_us;
  char engine_instance[HF_CONFIG_TEXT_MAX];
  char engine_signing_key[HF_CONFIG_TEXT_MAX];
  char engine_root_keys[HF_CONFIG_TEXT_MAX]; /* files, comma-separated */
  char engine_mac_keys[HF_CONFIG_TEXT_MAX];
  int64_t engine_workers;
  int64_t engine_verify;
  int64_t engine_sign;
  int64_t engine_queries;
  int64_t core_cases;
  int64_t core_accounts;
  int64_t core_orders;
  int64_t dispatch_orders;
  int64_t dispatch_flights;
  char audit_origin[HF_CONFIG_TEXT_MAX];
  char audit_key[HF_CONFIG_TEXT_MAX];
  char audit_sm2_key[HF_CONFIG_TEXT_MAX];
  char audit_hash[HF_CONFIG_TEXT_MAX];
  int64_t audit_leaves;
  char tls_certificate[HF_CONFIG_TEXT_MAX];
  char tls_key[HF_CONFIG_TEXT_MAX];
  char tls_ca[HF_CONFIG_TEXT_MAX];
  char personal_keys[HF_CONFIG_TEXT_MAX];
  char filedrop_root[HF_CONFIG_TEXT_MAX];
  char http_listen[HF_CONFIG_TEXT_MAX];
  char log_level[HF_CONFIG_TEXT_MAX];
};

/* error: "FILE:LINE: …" where it fails. */
HF_MUST_USE bool hf_config_read(const char *file, struct hf_config *config, char *error, size_t error_size);

/* The file of engine.root_keys that begins at `at` (0 at first). Returns where the next one begins; the text ends there with
 * NUL. */
size_t hf_config_root_key(const struct hf_config *config, size_t at, char file[HF_CONFIG_TEXT_MAX]);

/* The reference page, from the same table. */
void hf_config_write_reference(FILE *out);

#endif
