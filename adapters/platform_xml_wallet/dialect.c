/*
 * platform_xml_wallet: the platform family as payment companies have it: A00xxx, another way to name the target, and the query
 * by clearing serial. The messages are platform_xml's; README.md has what differs.
 */
#include <string.h>

#include "adapters/platform_xml/platform.h"

static struct hf_status encode(const struct hf_order *order, const struct hf_institution *row, struct hf_writer *out)
{
  return hf_platform_encode(order, row, HF_PLATFORM_WALLET, out);
}

static struct hf_status check(const struct hf_institution *row)
{
  struct hf_platform_profile profile;
  struct hf_status status = hf_platform_profile_read(row->profile, &profile);
  if (!hf_is_ok(status)) return status;
  if (profile.phone[0] == '\0')
    return hf_fail(HF_STATUS_CONFIG, "profile: phone=… is missing; every request of the family carries the duty desk's number");
  if (profile.to_platform && profile.company[0] == '\0')
    return hf_fail(HF_STATUS_CONFIG, "profile: company=… is missing; the platform addresses a payment company by it");
  return hf_ok();
}

#define CAN(action) (1u << HF_ACTION_##action)

const struct hf_dialect hf_platform_xml_wallet = {
    .name = "platform_xml_wallet",
    .actions = CAN(STOP) | CAN(LIFT) | CAN(EXTEND) | CAN(FREEZE) | CAN(UNFREEZE) | CAN(RENEW) | CAN(QUERY) | CAN(HOLDER) |
               CAN(MONITOR) | CAN(UNMONITOR) | CAN(ACCOUNTS) | CAN(HOLDS) | CAN(SERIAL),
    .content_type = "application/xml",
    .path = "",
    .feedback_follows = true,
    .check = check,
    .encode = encode,
    .to_sign = hf_platform_to_sign,
    .seal = hf_platform_seal,
    .identify = hf_platform_identify,
    .decode = hf_platform_decode,
};
