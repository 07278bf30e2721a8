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
  X(BAD_COMMAND,         "bad_command",         "the command's kind is unknown, or lacks what its kind needs") \
  X(BAD_BOUNDS,          "bad_bounds",          "the chase clause has a value outside its bounds")          \
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
  X(CASE_FULL,           "case_full",           "the case has as many submissions, accounts or orders as a case may have") \
  /* a second officer */                                                                                    \
  X(DIGEST_DIFFERS,      "digest_differs",      "another submission with this id has other bytes: one digit is enough") \
  X(SAME_OFFICER,        "same_officer",        "the second signature is of the officer who signed first")  \
  X(ONE_ADMINISTRATOR,   "one_administrator",   "the registry changes by two administrators: one proposes, another approves") \
  X(ALREADY_REJECTED,    "already_rejected",    "the submission was rejected, or its time was up, before it was approved") \
  X(MACHINE_CAP,         "machine_cap",         "a machine's report is above the caps of the standing policy") \
  /* commands */                                                                                            \
  X(DUPLICATE_COMMAND,   "duplicate_command",   "this command id was seen before; it is refused for ever")  \
  X(UNKNOWN_CASE,        "unknown_case",        "there is no such case in this shard")                      \
  X(COMMAND_TOO_LATE,    "command_too_late",    "the command's not_after had passed when it was appended")  \
  X(OTHER_UNIT,          "other_unit",          "the key's unit did not set this, and its jurisdiction does not cover the case") \
  X(NO_DOCUMENT,         "no_document",         "a legal document's type, number, issuer and hash are needed") \
  X(REASON_TOO_SHORT,    "reason_too_short",    "break-glass, and what a person found out, need a reason of 10 characters") \
  X(NO_ORDER,            "no_order",            "the command names no order, or one order twice")           \
  X(UNKNOWN_ORDER,       "unknown_order",       "an order is not one of this case")                         \
  X(WRONG_ORDER,         "wrong_order",         "an order is of an action or in a state that this command is not about") \
  X(ORDER_LEFT,          "order_left",          "the order has left: only a lift takes it back (O13)")      \
  X(NOT_HELD,            "not_held",            "no hold of ours is in force on the account")               \
  X(STOP_IN_FORCE,       "stop_in_force",       "a stop is in force: extend it, or stop again after its end") \
  X(THIRD_STOP,          "third_stop",          "two stops are all that an account gets (H3): freeze it")   \
  X(STOP_LAPSED,         "stop_lapsed",         "the stop has lapsed: it cannot be extended (H5)")          \
  X(TERM_TOO_LONG,       "term_too_long",       "the end is before now or beyond the longest term")         \
  X(AMOUNT_ABOVE_HOLD,   "amount_above_hold",   "the amount is above what is held")                         \
  X(AMOUNT_ABOVE_BALANCE, "amount_above_balance", "the limited amount is above the balance that the institution told (H7)") \
  X(AMOUNT_ABOVE_LOSS,   "amount_above_loss",   "limited holds for one victim's transfer would sum up to more than was lost (H12)") \
  X(ALREADY_PENDING,     "already_pending",     "the same act on the same account waits for a second officer already") \
  X(NOTHING_WAITS,       "nothing_waits",       "no submission of that id waits for this")                  \
  X(ACTION_UNKNOWN_THERE, "action_unknown_there", "the institution does not take this action")              \
  /* the log */                                                                                             \
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
