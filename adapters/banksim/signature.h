/* Signature: what a simulated institution checks of the centre's, and makes of its own; by OpenSSL, not by the engine's code.
 */
#ifndef HF_BANKSIM_SIGNATURE_H
#define HF_BANKSIM_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PEM files: the centre's public keys, a second one where it is being rotated, and the private key that signs answers. False
 * where one cannot be used. */
bool signature_centre_key(const char *file);
void signature_first_key_only(bool only);    /* as an institution that was not told of the second does */
bool signature_answer_key(const char *text); /* FILE, or CODE=FILE for one institution */

/* True where banksim was given no centre's key. text: base64, NULL: missing. */
bool signature_is_right(const char *text, const uint8_t *bytes, size_t size);
/* The same over DSSE's pre-authentication encoding of body. */
bool signature_is_right_for(const char *type, const char *text, const uint8_t *body, size_t size);

/* Folder of files CODE.mac, as the engine has it. */
void signature_mac_keys(const char *folder);
/* Eight bytes by the institution's key: "x919" or a cipher's CMAC ("AES-128-CBC"). False where it has no key. */
bool signature_mac(const char *code, const char *algorithm, const void *bytes, size_t size, uint8_t mac[8]);

/* 32 hex digits; "" where banksim was given no key. */
const char *signature_key_id(const char *code);
/* Base64 of the answer key's signature; "" without one. */
void signature_make(const char *code, const void *bytes, size_t size, char text[700]);

#endif
