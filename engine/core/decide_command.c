/*
 * Commands: officers' acts on a case. First all checks over everything that is named, then the facts: all or nothing.
 */
#include "engine/core/decide.h"

#define DAY_NS (86400LL * HF_NS_PER_S)

/* A command with what its checks and acts need. */
struct act {
  const struct hf_input *input;
  const struct hf_command *command;
  struct hf_case_entry *entry;
  const struct hf_submission_entry *authority; /* once it is accepted */
};

static int64_t now_of(const struct act *act)
{
  return act->input->appended_wall_ns;
}

static const struct hf_account_entry *account_of(const struct hf_core *core, const struct hf_order_entry *order)
{
  return hf_account_at(core, order->account);
}

/* --- checks, one order at a time --- */

static enum hf_reason takes(const struct hf_core *core, const struct hf_order_entry *order, enum hf_action action)
{
  return hf_core_takes(core, account_of(core, order)->institution, action) ? HF_REASON_NONE : HF_REASON_ACTION_UNKNOWN_THERE;
}

static enum hf_reason check_stop(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  (void)act;
  if (order->action != HF_ACTION_STOP) return HF_REASON_WRONG_ORDER;
  if (!hf_order_state_is_final(order->state)) return HF_REASON_STOP_IN_FORCE; /* its first one may still take effect */
  return hf_core_stop_refusal(core, account_of(core, order));
}

static enum hf_reason check_extend(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  (void)act;
  const struct hf_hold *stop = &account_of(core, order)->holds[HF_HOLD_STOP];
  const struct hf_policy *policy = &core->registry->policy;
  if (hf_hold_kind_of_action(order->action) != HF_HOLD_STOP || order->action == HF_ACTION_LIFT) return HF_REASON_WRONG_ORDER;
  if (stop->state == HF_HOLD_STATE_LAPSED) return HF_REASON_STOP_LAPSED; /* H5 */
  if (!hf_hold_is_in_force(stop)) return HF_REASON_NOT_HELD;
  if (stop->expires_earliest_wall_ns <= act->input->appended_wall_ns) return HF_REASON_STOP_LAPSED;
  if (policy->extend_counts == 1 && stop->count >= policy->stops_max) return HF_REASON_THIRD_STOP; /* H3 */
  return takes(core, order, HF_ACTION_EXTEND);
}

static enum hf_reason check_term(const struct hf_core *core, const struct act *act)
{
  int64_t until = act->command->until_wall_ns, longest = now_of(act) + core->registry->policy.freeze_days * DAY_NS;
  return until <= now_of(act) || until > longest ? HF_REASON_TERM_TOO_LONG : HF_REASON_NONE;
}

/* H12: limited holds for the victims of a case do not sum up to more than they lost. */
static enum hf_reason check_sum(const struct hf_core *core, const struct act *act)
{
  const struct hf_command *command = act->command;
  __int128 sum = (__int128)command->amount * command->orders_count;
  for (uint32_t at = act->entry->accounts_first; at != 0; at = hf_account_at(core, at)->next) {
    const struct hf_hold *freeze = &hf_account_at(core, at)->holds[HF_HOLD_FREEZE];
    if (hf_hold_lasts(freeze) && freeze->mode == HF_FREEZE_LIMITED) sum += freeze->held;
  }
  return sum > act->entry->loss ? HF_REASON_AMOUNT_ABOVE_LOSS : HF_REASON_NONE;
}

static enum hf_reason check_freeze(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  const struct hf_command *command = act->command;
  const struct hf_account_entry *account = account_of(core, order);
  enum hf_reason reason = check_term(core, act);
  if (reason != HF_REASON_NONE) return reason;
  if (command->mode == HF_FREEZE_UNSET || command->mode >= HF_FREEZE_MODE_COUNT) return HF_REASON_BAD_COMMAND;
  if (hf_hold_lasts(&account->holds[HF_HOLD_FREEZE])) return HF_REASON_WRONG_ORDER; /* renew it */
  if (command->mode == HF_FREEZE_LIMITED) {
    if (command->amount <= 0) return HF_REASON_AMOUNT_NOT_POSITIVE;
    if (account->has_balance && command->amount > account->balance) return HF_REASON_AMOUNT_ABOVE_BALANCE; /* H7 */
    reason = check_sum(core, act);
  }
  return reason != HF_REASON_NONE ? reason : takes(core, order, HF_ACTION_FREEZE);
}

static enum hf_reason check_renew(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  const struct hf_hold *freeze = &account_of(core, order)->holds[HF_HOLD_FREEZE];
  if (!hf_hold_lasts(freeze) || freeze->expires_earliest_wall_ns <= now_of(act)) return HF_REASON_NOT_HELD; /* H9 */
  enum hf_reason reason = check_term(core, act);
  return reason != HF_REASON_NONE ? reason : takes(core, order, HF_ACTION_RENEW);
}

static bool places_hold(enum hf_action action)
{
  return action == HF_ACTION_STOP || action == HF_ACTION_EXTEND || action == HF_ACTION_FREEZE || action == HF_ACTION_RENEW;
}

/* Whether its institution may have it and still put it into effect. */
static bool may_hold(const struct hf_order_entry *order)
{
  if (!places_hold(order->action)) return false;
  return order->state == HF_ORDER_SENT || order->state == HF_ORDER_RECEIVED || order->state == HF_ORDER_UNKNOWN ||
         (order->state == HF_ORDER_CANCELLED && order->left);
}

static bool took_effect(const struct hf_order_entry *order)
{
  if (!places_hold(order->action)) return false;
  return order->state == HF_ORDER_EFFECTIVE || order->state == HF_ORDER_EFFECTIVE_SHORT ||
         order->state == HF_ORDER_HELD_BY_OTHER;
}

/* The order that a change of this hold is about. An officer may name one that never left: then what is held counts. */
static const struct hf_order_entry *holder(const struct hf_core *core, const struct hf_order_entry *named,
                                           enum hf_hold_kind kind)
{
  const struct hf_hold *hold = &account_of(core, named)->holds[kind];
  bool is_of_it = hf_hold_kind_of_action(named->action) == kind && (may_hold(named) || took_effect(named));
  return is_of_it || !hf_hold_lasts(hold) ? named : hf_core_order(core, hold->order_id);
}

/* H10; O13: what is on its way and may take effect can be lifted too. */
static enum hf_reason check_lift(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  (void)act;
  enum hf_hold_kind kind = hf_hold_kind_of_action(order->action);
  if (kind == HF_HOLD_UNSET) return HF_REASON_WRONG_ORDER;
  if (!hf_hold_lasts(&account_of(core, order)->holds[kind]) && !may_hold(order)) return HF_REASON_NOT_HELD;
  return takes(core, order, kind == HF_HOLD_STOP ? HF_ACTION_LIFT : HF_ACTION_UNFREEZE);
}

static enum hf_reason check_return(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  const struct hf_hold *freeze = &account_of(core, order)->holds[HF_HOLD_FREEZE];
  if (!hf_hold_is_in_force(freeze)) return HF_REASON_NOT_HELD;
  if (act->command->amount <= 0) return HF_REASON_AMOUNT_NOT_POSITIVE;
  if (act->command->amount > freeze->held) return HF_REASON_AMOUNT_ABOVE_HOLD;
  if (act->command->party.account.size == 0) return HF_REASON_BAD_ACCOUNT_NUMBER;
  return takes(core, order, HF_ACTION_RETURN);
}

static enum hf_reason check_draft(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  if (order->state != HF_ORDER_DRAFT) return HF_REASON_WRONG_ORDER;
  if (act->command->kind == HF_COMMAND_DROP || order->action != HF_ACTION_STOP) return HF_REASON_NONE;
  enum hf_reason reason = hf_core_stop_refusal(core, account_of(core, order));
  return reason != HF_REASON_NONE ? reason : takes(core, order, order->action);
}

static enum hf_reason check_cancel(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  (void)core, (void)act;
  if (order->state == HF_ORDER_READY) return HF_REASON_NONE;
  return hf_order_state_is_final(order->state) || order->state == HF_ORDER_DRAFT ? HF_REASON_WRONG_ORDER : HF_REASON_ORDER_LEFT;
}

static enum hf_reason check_fix(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  if (order->state != HF_ORDER_REFUSED_FIXABLE) return HF_REASON_WRONG_ORDER;
  if (act->command->orders_count != 1 || act->command->party.name.size == 0) return HF_REASON_BAD_COMMAND;
  return takes(core, order, order->action);
}

static enum hf_reason check_resolve(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  (void)core;
  uint32_t mode = act->command->mode;
  if (mode != HF_RESOLVED_EFFECTIVE && mode != HF_RESOLVED_REFUSED) return HF_REASON_BAD_COMMAND;
  if (strlen(act->command->text) < HF_COMMAND_REASON_SIZE_MIN) return HF_REASON_REASON_TOO_SHORT;
  return order->state == HF_ORDER_UNKNOWN ? HF_REASON_NONE : HF_REASON_WRONG_ORDER;
}

static enum hf_reason check_query(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  enum hf_action asks = act->command->asks;
  if (asks <= HF_ACTION_UNSET || asks >= HF_ACTION_COUNT || !hf_action_traits(asks)->asks) return HF_REASON_BAD_COMMAND;
  if (asks == HF_ACTION_QUERY && act->command->mode >= HF_QUERY_MODE_COUNT) return HF_REASON_BAD_COMMAND;
  return takes(core, order, asks);
}

static enum hf_reason check_monitor(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  enum hf_reason reason = check_term(core, act);
  return reason != HF_REASON_NONE ? reason : takes(core, order, HF_ACTION_MONITOR);
}

static enum hf_reason check_unmonitor(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  (void)act;
  if (order->action != HF_ACTION_MONITOR || order->state != HF_ORDER_WATCHING) return HF_REASON_WRONG_ORDER;
  return takes(core, order, HF_ACTION_UNMONITOR);
}

static enum hf_reason check_paper(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  (void)act;
  if (order->state == HF_ORDER_DRAFT || order->state == HF_ORDER_DROPPED) return HF_REASON_WRONG_ORDER;
  return takes(core, order, HF_ACTION_PAPER);
}

static enum hf_reason check_reconcile(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order)
{
  (void)act;
  return takes(core, order, HF_ACTION_HOLDS);
}

static enum hf_reason check_notice(const struct hf_core *core, const struct act *act)
{
  const struct hf_command *command = act->command;
  enum hf_action action = command->kind == HF_COMMAND_BLOCK ? HF_ACTION_BLOCK : HF_ACTION_SUSPECT;
  if (command->party.account.size == 0) return HF_REASON_BAD_ACCOUNT_NUMBER;
  if (!hf_core_takes(core, command->party.institution, action)) return HF_REASON_ACTION_UNKNOWN_THERE;
  return act->entry->accounts_count == HF_CASE_ACCOUNTS_MAX ? HF_REASON_CASE_FULL : HF_REASON_NONE;
}

static enum hf_reason check_other(const struct hf_core *core, const struct act *act)
{
  const struct hf_submission_entry *other = hf_core_submission(core, act->entry, act->command->other);
  if (act->command->kind == HF_COMMAND_LINK)
    return hf_uuid_version(act->command->other) == 7 && !hf_uuid_equal(act->command->other, act->entry->id.uuid)
               ? HF_REASON_NONE
               : HF_REASON_BAD_ID;
  if (act->command->kind == HF_COMMAND_REJECT)
    return other != NULL && other->state == HF_SUBMISSION_WAITS ? HF_REASON_NONE : HF_REASON_NOTHING_WAITS;
  if (other == NULL || !other->reviewable) return HF_REASON_NOTHING_WAITS;
  /* The reviewer is not the one who broke the glass. */
  return memcmp(other->key, hf_core_key_bytes(act->input->key_id).bytes, 16) == 0 ? HF_REASON_SAME_OFFICER : HF_REASON_NONE;
}

/* --- acts --- */

static const struct hf_order_entry *order(struct hf_core *core, const struct act *act, const struct hf_order_entry *about,
                                          enum hf_action action)
{
  const struct hf_command *command = act->command;
  struct hf_order_plan plan = {.action = action,
                               .authority = act->authority,
                               .parent = about,
                               .mode = command->mode,
                               .amount = command->amount,
                               .until_wall_ns = command->until_wall_ns,
                               .issued_wall_ns = now_of(act)};
  if (command->kind == HF_COMMAND_FIX) {
    plan.name = &command->party.name;
    plan.amount = about->amount;
    plan.mode = about->mode;
    plan.until_wall_ns = about->until_wall_ns;
    plan.deadline_wall_ns = about->deadline_wall_ns; /* O9: the corrected order keeps the deadline */
  }
  return hf_core_order_account(core, hf_account_at(core, about->account), &plan);
}

static void tell_resolved(struct hf_core *core, const struct act *act, const struct hf_order_entry *unknown)
{
  bool done = act->command->mode == HF_RESOLVED_EFFECTIVE;
  struct hf_order_id id = unknown->id;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_ORDER_ENDED, act->entry->id);
  fact->ended.event = done ? HF_ORDER_EVENT_DONE : HF_ORDER_EVENT_NO;
  fact->ended.state = done ? HF_ORDER_EFFECTIVE : HF_ORDER_REFUSED;
  fact->ended.action = unknown->action;
  fact->ended.at = (struct hf_time){core->now.mono_ns, now_of(act)};
  fact->ended.answer.order_id = id;
  fact->ended.answer.has_feedback = true;
  fact->ended.submission_id = act->command->id.uuid;
  hf_core_tell(core, fact);
  struct hf_answer heard = {.order_id = id, .has_feedback = true};
  struct hf_input input = *act->input;
  input.answer = &heard;
  input.at = (struct hf_time){core->now.mono_ns, now_of(act)};
  hf_core_change_hold(core, &input, hf_core_order(core, id));
}

static void tell_step(struct hf_core *core, const struct act *act, const struct hf_order_entry *about, enum hf_fact_kind kind)
{
  struct hf_fact *fact = hf_core_begin(core, kind, act->entry->id);
  fact->step.order_id = about->id;
  fact->step.action = about->action;
  fact->step.at = core->now;
  fact->step.submission_id = act->command->id.uuid;
  hf_core_tell(core, fact);
}

static void tell_submission(struct hf_core *core, const struct act *act, enum hf_fact_kind kind, struct hf_uuid id)
{
  struct hf_fact *fact = hf_core_begin(core, kind, act->entry->id);
  fact->submission.id = id;
  fact->submission.reason = kind == HF_FACT_SUBMISSION_ENDED ? HF_REASON_ALREADY_REJECTED : HF_REASON_NONE;
  fact->submission.offset = act->input->offset;
  memcpy(fact->submission.key_id, act->input->key_id, sizeof fact->submission.key_id);
  hf_core_tell(core, fact);
}

/* H11: descendants of the lifted account that are held for the lifted account's transfers only; the others stay and say why. */
static void cascade(struct hf_core *core, const struct act *act, const struct hf_order_entry *lifted);

static void lift(struct hf_core *core, const struct act *act, const struct hf_order_entry *about)
{
  enum hf_hold_kind kind = hf_hold_kind_of_action(about->action);
  order(core, act, holder(core, about, kind), kind == HF_HOLD_STOP ? HF_ACTION_LIFT : HF_ACTION_UNFREEZE);
}

static void act_on(struct hf_core *core, const struct act *act, const struct hf_order_entry *about)
{
  struct hf_order_id id = about->id;
  switch (act->command->kind) {
  case HF_COMMAND_STOP: order(core, act, about, HF_ACTION_STOP); break;
  case HF_COMMAND_EXTEND: order(core, act, holder(core, about, HF_HOLD_STOP), HF_ACTION_EXTEND); break;
  case HF_COMMAND_FREEZE: order(core, act, about, HF_ACTION_FREEZE); break;
  case HF_COMMAND_RENEW: order(core, act, holder(core, about, HF_HOLD_FREEZE), HF_ACTION_RENEW); break;
  case HF_COMMAND_RETURN: order(core, act, holder(core, about, HF_HOLD_FREEZE), HF_ACTION_RETURN); break;
  case HF_COMMAND_FIX: order(core, act, about, about->action); break;
  case HF_COMMAND_QUERY: order(core, act, about, act->command->asks); break;
  case HF_COMMAND_MONITOR: order(core, act, about, HF_ACTION_MONITOR); break;
  case HF_COMMAND_UNMONITOR: order(core, act, about, HF_ACTION_UNMONITOR); break;
  case HF_COMMAND_RECONCILE: order(core, act, about, HF_ACTION_HOLDS); break;
  case HF_COMMAND_PAPER:
    order(core, act, about, HF_ACTION_PAPER);
    tell_submission(core, act, HF_FACT_PAPER_RECEIVED, hf_submission_at(core, hf_core_order(core, id)->submission)->id);
    break;
  case HF_COMMAND_LIFT:
    lift(core, act, about);
    if (act->command->cascade) cascade(core, act, hf_core_order(core, id));
    break;
  case HF_COMMAND_CONFIRM: hf_core_confirm(core, about, act->authority); break;
  case HF_COMMAND_DROP: tell_step(core, act, about, HF_FACT_ORDER_DROPPED); break;
  case HF_COMMAND_CANCEL: tell_step(core, act, about, HF_FACT_ORDER_CANCELLED); break;
  case HF_COMMAND_RESOLVE: tell_resolved(core, act, about); break;
  default: HF_NEVER("a command about orders");
  }
}

static bool has_root(const struct hf_core *core, const struct hf_account_entry *account, uint32_t root)
{
  for (uint32_t at = account->claims_first; at != 0;) {
    const struct hf_claim_entry *claim = hf_pool_at(&core->claims, at);
    if (claim->root == root) return true;
    at = claim->next;
  }
  return false;
}

/* A transfer that `account` is held for and `lifted` is not; 0: there is none. */
static uint32_t other_root(const struct hf_core *core, const struct hf_account_entry *account,
                           const struct hf_account_entry *lifted)
{
  for (uint32_t at = account->claims_first; at != 0;) {
    const struct hf_claim_entry *claim = hf_pool_at(&core->claims, at);
    if (!has_root(core, lifted, claim->root)) return claim->root;
    at = claim->next;
  }
  return 0;
}

static bool is_named(const struct hf_core *core, const struct act *act, uint32_t account)
{
  for (uint32_t i = 0; i < act->command->orders_count; i++) {
    const struct hf_order_entry *named = hf_core_order(core, act->command->orders[i]);
    if (named->account == account) return true;
  }
  return false;
}

/* Lifts, or says why not, every lasting hold of one descendant. */
static void lift_descendant(struct hf_core *core, const struct act *act, const struct hf_order_entry *lifted, uint32_t index)
{
  const struct hf_account_entry *account = hf_account_at(core, index);
  uint32_t root = other_root(core, account, hf_account_at(core, lifted->account));
  for (int kind = 1; kind < HF_HOLD_KIND_COUNT; kind++) {
    const struct hf_hold *hold = &account->holds[kind];
    if (!hf_hold_lasts(hold) || hf_core_facts_left(core) < 8 + 2 * act->command->orders_count) continue;
    if (root == 0 && !account->elsewhere) {
      lift(core, act, hf_core_order(core, hold->order_id));
      continue;
    }
    struct hf_fact *fact = hf_core_begin(core, HF_FACT_HOLD_KEPT, act->entry->id);
    fact->kept.order_id = hold->order_id;
    fact->kept.lifted_id = lifted->id;
    fact->kept.root = root;
    hf_core_tell(core, fact);
  }
}

static void cascade(struct hf_core *core, const struct act *act, const struct hf_order_entry *lifted)
{
  static const uint32_t none;
  uint32_t reached[HF_CASE_ACCOUNTS_MAX], count = 0;
  reached[count++] = lifted->account;
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t at = act->entry->traces_first; at != none;) {
      const struct hf_trace_entry *trace = hf_pool_at(&core->traces, at);
      at = trace->next;
      bool known = trace->from != reached[i] || trace->to == none;
      for (uint32_t k = 0; k < count && !known; k++) known = reached[k] == trace->to;
      if (!known && count < HF_CASE_ACCOUNTS_MAX) reached[count++] = trace->to;
    }
  for (uint32_t i = 1; i < count; i++)
    if (!is_named(core, act, reached[i])) lift_descendant(core, act, lifted, reached[i]);
}

static void act_alone(struct hf_core *core, const struct act *act)
{
  const struct hf_command *command = act->command;
  struct hf_fact *fact;
  switch (command->kind) {
  case HF_COMMAND_REJECT: tell_submission(core, act, HF_FACT_SUBMISSION_ENDED, command->other); break;
  case HF_COMMAND_REVIEW: tell_submission(core, act, HF_FACT_REVIEWED, command->other); break;
  case HF_COMMAND_LINK:
    fact = hf_core_begin(core, HF_FACT_CASE_LINKED, act->entry->id);
    fact->linked.uuid = command->other;
    hf_core_tell(core, fact);
    break;
  case HF_COMMAND_CLOSE: hf_core_tell(core, hf_core_begin(core, HF_FACT_CASE_CLOSED, act->entry->id)); break;
  default: {
    HF_ASSERT(command->kind == HF_COMMAND_SUSPECT || command->kind == HF_COMMAND_BLOCK);
    if (hf_core_account(core, act->entry, &command->party) == NULL) {
      fact = hf_core_begin(core, HF_FACT_ACCOUNT_REACHED, act->entry->id);
      fact->reached.party = command->party;
      fact->reached.currency = HF_CURRENCY_CNY;
      fact->reached.transfer_wall_ns = now_of(act);
      hf_core_tell(core, fact);
    }
    const struct hf_order_plan plan = {.action = command->kind == HF_COMMAND_BLOCK ? HF_ACTION_BLOCK : HF_ACTION_SUSPECT,
                                       .authority = act->authority,
                                       .issued_wall_ns = now_of(act)};
    hf_core_order_account(core, hf_core_account(core, act->entry, &command->party), &plan);
  }
  }
}

/* --- one command --- */

typedef enum hf_reason (*check_order)(const struct hf_core *core, const struct act *act, const struct hf_order_entry *order);

static const check_order order_checks[HF_COMMAND_COUNT] = {
    [HF_COMMAND_STOP] = check_stop,       [HF_COMMAND_EXTEND] = check_extend,
    [HF_COMMAND_FREEZE] = check_freeze,   [HF_COMMAND_RENEW] = check_renew,
    [HF_COMMAND_LIFT] = check_lift,       [HF_COMMAND_RETURN] = check_return,
    [HF_COMMAND_CONFIRM] = check_draft,   [HF_COMMAND_DROP] = check_draft,
    [HF_COMMAND_CANCEL] = check_cancel,   [HF_COMMAND_FIX] = check_fix,
    [HF_COMMAND_RESOLVE] = check_resolve, [HF_COMMAND_QUERY] = check_query,
    [HF_COMMAND_MONITOR] = check_monitor, [HF_COMMAND_UNMONITOR] = check_unmonitor,
    [HF_COMMAND_PAPER] = check_paper,     [HF_COMMAND_RECONCILE] = check_reconcile};

static bool has_document(const struct hf_command *command)
{
  static const uint8_t none[HF_DIGEST_SIZE];
  const struct hf_document *document = &command->document;
  return document->type[0] != '\0' && document->number[0] != '\0' && document->issuer[0] != '\0' &&
         memcmp(document->sha256, none, sizeof none) != 0;
}

static enum hf_reason check_form(const struct hf_core *core, const struct act *act)
{
  const struct hf_command *command = act->command;
  const struct hf_command_rule *rule = hf_command_rule(command->kind);
  const struct hf_key *key = hf_registry_key(core->registry, act->input->key_id);
  int64_t not_after = command->not_after_wall_ns != 0 ? command->not_after_wall_ns : command->made_wall_ns + DAY_NS;
  bool leader_only = command->break_glass || command->kind == HF_COMMAND_REVIEW;
  if (leader_only && key->role != HF_ROLE_LEADER) return HF_REASON_ROLE_NOT_ALLOWED;
  if (command->made_wall_ns > now_of(act) + HF_FUTURE_TOLERANCE_NS) return HF_REASON_TIME_IN_FUTURE;
  if (now_of(act) > not_after) return HF_REASON_COMMAND_TOO_LATE;
  if (command->break_glass && !rule->may_break_glass) return HF_REASON_BAD_COMMAND;
  if (command->break_glass && strlen(command->text) < HF_COMMAND_REASON_SIZE_MIN) return HF_REASON_REASON_TOO_SHORT;
  if (rule->document && !command->break_glass && !has_document(command)) return HF_REASON_NO_DOCUMENT;
  if (act->entry->submissions_count >= HF_CASE_SUBMISSIONS_MAX) return HF_REASON_CASE_FULL;
  return HF_REASON_NONE;
}

/* Over everything that is named, before anything is told. *part: which order is meant, 1…; 0 = none. */
static enum hf_reason check_content(const struct hf_core *core, const struct act *act, uint32_t *part)
{
  const struct hf_command *command = act->command;
  check_order check = order_checks[command->kind];
  *part = 0;
  if (check == NULL) {
    if (command->kind == HF_COMMAND_SUSPECT || command->kind == HF_COMMAND_BLOCK) return check_notice(core, act);
    return command->kind == HF_COMMAND_CLOSE ? HF_REASON_NONE : check_other(core, act);
  }
  if (command->orders_count == 0) return HF_REASON_NO_ORDER;
  /* A lift may cascade over all accounts, two holds each. */
  uint32_t more = command->cascade ? act->entry->accounts_count * 2 : command->orders_count;
  if (act->entry->orders_count + more > HF_CASE_ORDERS_MAX) return HF_REASON_CASE_FULL;
  for (uint32_t i = 0; i < command->orders_count; i++) {
    const struct hf_order_entry *named = hf_core_order(core, command->orders[i]);
    *part = i + 1;
    if (named == NULL || hf_case_at(core, named->case_index) != act->entry) return HF_REASON_UNKNOWN_ORDER;
    for (uint32_t k = 0; k < i; k++) /* one act an account: the same account twice would pass the checks twice */
      if (hf_core_order(core, command->orders[k])->account == named->account &&
          hf_hold_kind_of_action(hf_core_order(core, command->orders[k])->action) == hf_hold_kind_of_action(named->action))
        return HF_REASON_NO_ORDER;
    enum hf_reason reason = check(core, act, named);
    if (reason != HF_REASON_NONE) return reason;
  }
  *part = 0;
  return HF_REASON_NONE;
}

/* One such act on the same account waits already: a second would be approved beside it (security.md section 1). */
static bool is_pending(const struct hf_core *core, const struct act *act)
{
  struct hf_order_id first = act->command->orders_count > 0 ? act->command->orders[0] : (struct hf_order_id){0};
  for (uint32_t at = act->entry->submissions_first; at != 0; at = hf_submission_at(core, at)->next) {
    const struct hf_submission_entry *other = hf_submission_at(core, at);
    if (other->state == HF_SUBMISSION_WAITS && other->kind == (uint32_t)act->command->kind &&
        hf_uuid_equal(other->first_order.uuid, first.uuid))
      return true;
  }
  return false;
}

static void accept(struct hf_core *core, struct act *act, const struct hf_submission_entry *known)
{
  const struct hf_command *command = act->command;
  struct hf_fact *fact = hf_core_begin(core, HF_FACT_COMMAND_ACCEPTED, act->entry->id);
  struct hf_fact_command *to = &fact->command;
  to->id = command->id;
  to->offset = act->input->offset;
  to->kind = command->kind;
  to->made_wall_ns = command->made_wall_ns;
  to->appended_wall_ns = now_of(act);
  to->break_glass = command->break_glass;
  to->document = command->document;
  to->party = command->party;
  memcpy(to->digest, command->digest, sizeof to->digest);
  memcpy(to->text, command->text, sizeof to->text);
  hf_core_officers(act->input, known, to->key_id, to->second_id);
  memcpy(to->unit, hf_registry_key(core->registry, to->key_id)->unit, sizeof to->unit);
  if (command->break_glass && hf_command_rule(command->kind)->document && !has_document(command))
    to->paper_by_wall_ns = now_of(act) + core->registry->policy.paper_s * HF_NS_PER_S;
  hf_core_tell(core, fact);
  act->authority = hf_core_submission(core, act->entry, command->id.uuid);
  if (command->break_glass)
    hf_core_task(core, act->entry->id, HF_TASK_REVIEW, (struct hf_order_id){0}, command->id.uuid, HF_DRAFT_CAUSE_UNSET);
}

static enum hf_reason check_all(struct hf_core *core, const struct act *act, const struct hf_submission_entry *known,
                                struct hf_standing *standing, uint32_t *part)
{
  *part = 0;
  enum hf_reason reason = hf_core_key_refusal(core, act->input, act->entry);
  if (reason != HF_REASON_NONE) return reason;
  if (!act->input->key_is_record_key) return HF_REASON_CASE_MISMATCH;
  if (act->entry == NULL) return HF_REASON_UNKNOWN_CASE;
  *standing = hf_core_known(core, act->input, known, act->command->digest);
  if (standing->reason != HF_REASON_NONE) return standing->reason;
  reason = check_form(core, act);
  return reason != HF_REASON_NONE ? reason : check_content(core, act, part);
}

void hf_core_decide_command(struct hf_core *core, const struct hf_input *input)
{
  const struct hf_command *command = input->command;
  struct act act = {.input = input, .command = command, .entry = hf_core_case(core, command->case_id)};
  const struct hf_submission_entry *known = hf_core_submission(core, act.entry, command->id.uuid);
  const struct hf_command_rule *rule = hf_command_rule(command->kind);
  struct hf_standing standing = {.reason = HF_REASON_NONE};
  uint32_t part;
  enum hf_reason reason = check_all(core, &act, known, &standing, &part);
  bool waits = rule->officers > 1 && !standing.is_second && !command->break_glass;
  if (reason == HF_REASON_NONE && waits && is_pending(core, &act)) reason = HF_REASON_ALREADY_PENDING;
  if (reason != HF_REASON_NONE) {
    hf_core_quarantine(core, input, reason, part);
  } else if (waits) {
    struct hf_fact_submission what = {.id = command->id.uuid, .command = true, .kind = command->kind};
    memcpy(what.digest, command->digest, sizeof what.digest);
    if (command->orders_count > 0) what.first_order = command->orders[0];
    hf_core_wait_for_second(core, input, &what);
  } else {
    accept(core, &act, known);
    for (uint32_t i = 0; i < command->orders_count && order_checks[command->kind] != NULL; i++)
      act_on(core, &act, hf_core_order(core, command->orders[i]));
    if (order_checks[command->kind] == NULL) act_alone(core, &act);
  }
  hf_core_rest_if_done(core, command->case_id);
}
