/*
 * Reasons: why a submission was not acted on. Stable for ever: they stand in PostgreSQL, metrics and people's mail.
 * Order: the order in which the checks are made; the same bad input always gets the same reason.
 */
#ifndef HF_CORE_REASON_H
#define HF_CORE_REASON_H

/* clang-format off */
#define HF_REASONS(X)                                                                                       \
  /* the record, before anything is unpacked */                                                             \
  X(EMPTY,               "empty",               "the record has no bytes")                                  \
  X(TOO_LARGE,           "too_large",           "the record is larger than 256 KiB")                        \
  X(NOT_AN_ENVELOPE,     "not_an_envelope",     "the record does not decode as an envelope (cut short?)")   \
  X(WRONG_PAYLOAD_TYPE,  "wrong_payload_type",  "the envelope's payload_type is none that is accepted here")\
  X(NO_SIGNATURE,        "no_signature",        "the envelope carries no signature")                        \
  X(TOO_MANY_SIGNATURES, "too_many_signatures", "the envelope carries more than 4 signatures")              \
  /* the signature */                                                                                       \
  X(UNKNOWN_KEY,         "unknown_key",         "key_id names no key of the registry")                      \
  X(BAD_SIGNATURE,       "bad_signature",       "the signature does not fit these bytes and this key")      \
  /* the payload's form */                                                                                  \
  X(TOO_MANY_TARGETS,    "too_many_targets",    "more than 200 transfers in one report")                    \
  X(TOO_MANY_ROWS,       "too_many_rows",       "more than 256 rows in one registry change")                \
  X(MALFORMED_PAYLOAD,   "malformed_payload",   "the payload does not decode as what payload_type says")    \
  X(UNKNOWN_FIELD,       "unknown_field",       "the payload has a field that this version does not know")  \
  X(BAD_ID,              "bad_id",              "an id is not 16 bytes, or the case id is not a UUIDv7")    \
  X(BAD_ACCOUNT_NUMBER,  "bad_account_number",  "an account number is empty, too long or has a strange character") \
  X(BAD_NAME,            "bad_name",            "a name is longer than 120 bytes or not UTF-8")             \
  X(BAD_TEXT,            "bad_text",            "a text field is too long, not UTF-8 or has control characters") \
  X(BAD_KEY,             "bad_key",             "a public key does not decode or does not have this key_id")\
  X(BAD_ROW,             "bad_row",             "a registry row has a value outside its bounds")            \
  /* authority, at the record's append time */                                                              \
  X(KEY_NOT_YET_VALID,   "key_not_yet_valid",   "the key's validity begins after this record")              \
  X(KEY_EXPIRED,         "key_expired",         "the key's validity ended before this record")              \
  X(KEY_REVOKED,         "key_revoked",         "the key was revoked before this record")                   \
  X(ROLE_NOT_ALLOWED,    "role_not_allowed",    "the key's role may not submit this")                       \
  /* the content */                                                                                         \
  X(CASE_MISMATCH,       "case_mismatch",       "the Kafka key and the report name different cases, or the record is in a partition of another case") \
  X(DUPLICATE_REPORT,    "duplicate_report",    "this report id was accepted before")                       \
  X(TIME_IN_FUTURE,      "time_in_future",      "a time lies more than 120 s after the record's append time") \
  X(NO_TARGET,           "no_target",           "the report names no transfer")                             \
  X(UNKNOWN_INSTITUTION, "unknown_institution", "a payee's institution is not in the registry or not enabled") \
  X(UNKNOWN_CURRENCY,    "unknown_currency",    "a currency is not one that is known")                      \
  X(AMOUNT_NOT_POSITIVE, "amount_not_positive", "an amount is 0 or negative")                               \
  X(AMOUNT_TOO_LARGE,    "amount_too_large",    "an amount, or a sum on one account, is above 10^12 major units") \
  X(CURRENCY_MIXED,      "currency_mixed",      "two transfers to one account have different currencies")   \
  X(CASE_FULL,           "case_full",           "the case has as many reports or orders as a case may have") \
  X(POLICY_VERSION,      "policy_version",      "the policy's version is not the next one")                 \
  X(CRASHED_TWICE,       "crashed_twice",       "the process died twice at this record")                    \
  X(OFFSET_GAP,          "offset_gap",          "records before this one were deleted before they were read")
/* clang-format on */

enum hf_reason {
  HF_REASON_NONE = 0,
#define X(name, code, text) HF_REASON_##name,
  HF_REASONS(X)
#undef X
      HF_REASON_COUNT
};

/* "bad_signature"; "" for NONE. */
const char *hf_reason_code(enum hf_reason reason);
/* One sentence for a person. */
const char *hf_reason_text(enum hf_reason reason);
enum hf_reason hf_reason_of_code(const char *code);

#endif
