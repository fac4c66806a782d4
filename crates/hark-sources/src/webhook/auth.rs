//! Whether a request comes from who it says: Standard Webhooks signatures or a bearer token, in constant time.

use std::fmt;

use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// How far a signature's timestamp may be off, in seconds, either way.
const TOLERANCE_SECONDS: u64 = 300;
/// Signatures that are looked at; a sender needs one for each of its own secrets.
const MAX_SIGNATURES: usize = 8;

/// A shared secret, usable as the key of signatures and as a bearer token. Never printed.
#[derive(Clone)]
pub struct Key {
    /// Digest of the secret as configured: comparing digests tells nothing about its length either.
    token: [u8; 32],
    signing: Vec<u8>,
}

/// A secret that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing there.
    #[error("the secret is empty: an empty secret lets anybody in")]
    Empty,
    /// `whsec_` promises base64.
    #[error("the secret begins with whsec_, so base64 has to follow, which it does not")]
    NotBase64,
}

impl Key {
    /// From a secret as configured: `whsec_` and base64 (Standard Webhooks), or any other text, taken as it stands.
    ///
    /// # Errors
    /// When there is no secret in it.
    pub fn new(secret: &str) -> Result<Self, KeyError> {
        let signing = match secret.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| KeyError::NotBase64)?,
            None => secret.as_bytes().to_vec(),
        };
        if signing.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(Self { token: Sha256::digest(secret).into(), signing })
    }

    fn sign(&self, id: &[u8], timestamp: &[u8], body: &[u8]) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.signing).ok()?;
        for part in [id, b".", timestamp, b".", body] {
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// Who may send.
#[derive(Clone, Debug)]
pub enum Access {
    /// Who knows one of the secrets; two while one replaces the other.
    Keys(Vec<Key>),
    /// Anybody: only where the configuration says so.
    Open,
}

/// What a request has to show.
#[derive(Debug)]
pub(super) enum Proof {
    /// Nothing more.
    None,
    /// A signature over the body, once that is there.
    Signature(Signature),
}

#[derive(Debug)]
pub(super) struct Signature {
    id: Vec<u8>,
    timestamp: Vec<u8>,
    signatures: Vec<[u8; 32]>,
}

/// Judges what the headers alone tell. `now` in seconds since 1970.
pub(super) fn check_headers(access: &Access, headers: &HeaderMap, now: i64) -> Result<Proof, &'static str> {
    let Access::Keys(keys) = access else { return Ok(Proof::None) };
    if let Some(signatures) = headers.get("webhook-signature") {
        return read_signature(headers, signatures.as_bytes(), now).map(Proof::Signature);
    }
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        return Err("send webhook-id, webhook-timestamp and webhook-signature, or authorization: Bearer");
    };
    let Some(token) = bearer(authorization.as_bytes()) else {
        return Err("authorization has to be Bearer and the secret");
    };
    let token: [u8; 32] = Sha256::digest(token).into();
    let fits = keys.iter().fold(Choice::from(0), |fits, key| fits | key.token.ct_eq(&token));
    if bool::from(fits) { Ok(Proof::None) } else { Err("the bearer token is not the secret of this source") }
}

fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn read_signature(headers: &HeaderMap, signatures: &[u8], now: i64) -> Result<Signature, &'static str> {
    let (Some(id), Some(timestamp)) = (headers.get("webhook-id"), headers.get("webhook-timestamp")) else {
        return Err("webhook-signature comes with webhook-id and webhook-timestamp");
    };
    let seconds: Option<i64> = timestamp.to_str().ok().and_then(|text| text.parse().ok());
    let Some(seconds) = seconds else { return Err("webhook-timestamp has to be seconds since 1970") };
    if seconds.abs_diff(now) > TOLERANCE_SECONDS {
        return Err(
            "webhook-timestamp is more than five minutes off: check the clock, and sign each retry anew",
        );
    }
    let signatures: Vec<[u8; 32]> = signatures
        .split(|byte| *byte == b' ')
        .filter_map(|signature| signature.strip_prefix(b"v1,"))
        .filter_map(|encoded| STANDARD.decode(encoded).ok()?.try_into().ok())
        .take(MAX_SIGNATURES)
        .collect();
    if signatures.is_empty() {
        return Err("webhook-signature has to be v1, and the base64 of an HMAC-SHA256");
    }
    Ok(Signature { id: id.as_bytes().to_vec(), timestamp: timestamp.as_bytes().to_vec(), signatures })
}

impl Proof {
    /// Judges the body. A sender may sign before or after it compresses, so either form will do.
    pub(super) fn check_body(&self, access: &Access, bodies: [&[u8]; 2]) -> Result<(), &'static str> {
        let (Self::Signature(given), Access::Keys(keys)) = (self, access) else { return Ok(()) };
        let mut fits = Choice::from(0);
        for key in keys {
            for body in bodies {
                let Some(right) = key.sign(&given.id, &given.timestamp, body) else { continue };
                for signature in &given.signatures {
                    fits |= signature.ct_eq(&right);
                }
            }
        }
        if bool::from(fits) {
            Ok(())
        } else {
            Err("no signature fits: is it the secret of this source, over the raw body?")
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const NOW: i64 = 1_777_887_000;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn keys(secrets: &[&str]) -> Access {
        Access::Keys(secrets.iter().map(|secret| Key::new(secret).unwrap()).collect())
    }

    fn judge(access: &Access, list: &[(&'static str, &str)], body: &[u8]) -> Result<(), &'static str> {
        check_headers(access, &headers(list), NOW)?.check_body(access, [body, body])
    }

    // Computed with Python's hmac over "msg-1.1777887000." and the body, key "a secret of Aurora".
    const BODY: &[u8] = br#"{"id":"p1","text":"hi"}"#;
    const SIGNED: &str = "v1,GeMbspGUniVO6bQEGGiWOfP0cHT2emWTBU/YawV+ak0=";
    const WHSEC: &str = "whsec_YSBzZWNyZXQgb2YgQXVyb3Jh";

    #[test]
    fn a_signature_made_by_another_implementation_fits() {
        let list =
            [("webhook-id", "msg-1"), ("webhook-timestamp", "1777887000"), ("webhook-signature", SIGNED)];
        for secret in ["a secret of Aurora", WHSEC] {
            assert_eq!(judge(&keys(&[secret]), &list, BODY), Ok(()), "{secret}");
            assert_eq!(judge(&keys(&["the new one", secret]), &list, BODY), Ok(()), "during rotation");
        }
        assert!(judge(&keys(&["another"]), &list, BODY).is_err());
        assert!(judge(&keys(&[WHSEC]), &list, b"{}").is_err());
    }

    #[test]
    fn one_fitting_signature_among_several_is_enough() {
        let several = format!("v1a,AAAA v1,AAAA {SIGNED}");
        let list =
            [("webhook-id", "msg-1"), ("webhook-timestamp", "1777887000"), ("webhook-signature", &*several)];
        assert_eq!(judge(&keys(&[WHSEC]), &list, BODY), Ok(()));
    }

    #[test]
    fn a_signature_is_bound_to_its_id_its_time_and_its_version() {
        let table: &[&[(&'static str, &str)]] = &[
            &[("webhook-id", "msg-2"), ("webhook-timestamp", "1777887000"), ("webhook-signature", SIGNED)],
            &[("webhook-id", "msg-1"), ("webhook-timestamp", "1777887001"), ("webhook-signature", SIGNED)],
            &[("webhook-id", "msg-1"), ("webhook-timestamp", "soon"), ("webhook-signature", SIGNED)],
            &[("webhook-id", "msg-1"), ("webhook-signature", SIGNED)],
            &[("webhook-timestamp", "1777887000"), ("webhook-signature", SIGNED)],
            &[("webhook-id", "msg-1"), ("webhook-timestamp", "1777887000"), ("webhook-signature", "")],
            &[
                ("webhook-id", "msg-1"),
                ("webhook-timestamp", "1777887000"),
                ("webhook-signature", &SIGNED[3..]),
            ],
        ];
        for list in table {
            assert!(judge(&keys(&[WHSEC]), list, BODY).is_err(), "{list:?}");
        }
    }

    #[test]
    fn a_timestamp_may_be_five_minutes_off_and_no_more() {
        let access = keys(&["s"]);
        for (seconds, fine) in
            [(NOW - 300, true), (NOW + 300, true), (NOW - 301, false), (NOW + 301, false), (i64::MIN, false)]
        {
            let text = seconds.to_string();
            let list =
                headers(&[("webhook-id", "m"), ("webhook-timestamp", &text), ("webhook-signature", SIGNED)]);
            assert_eq!(check_headers(&access, &list, NOW).is_ok(), fine, "{seconds}");
        }
    }

    #[test]
    fn a_bearer_token_is_the_secret_itself() {
        let table = [
            ("Bearer hush", true),
            ("bearer hush", true),
            ("Bearer hus", false),
            ("Bearer ", false),
            ("Basic hush", false),
            ("hush", false),
        ];
        for (authorization, fine) in table {
            let found = judge(&keys(&["other", "hush"]), &[("authorization", authorization)], BODY);
            assert_eq!(found.is_ok(), fine, "{authorization}");
        }
        assert!(judge(&keys(&["hush"]), &[], BODY).is_err());
        assert!(judge(&Access::Open, &[], BODY).is_ok());
    }

    #[test]
    fn a_wrong_signature_is_not_saved_by_a_right_token() {
        let list = [
            ("webhook-id", "m"),
            ("webhook-timestamp", "1777887000"),
            ("webhook-signature", SIGNED),
            ("authorization", "Bearer hush"),
        ];
        assert!(judge(&keys(&["hush"]), &list, BODY).is_err());
    }

    #[test]
    fn secrets_that_protect_nothing_are_refused_and_none_is_printed() {
        assert_eq!(Key::new("").unwrap_err(), KeyError::Empty);
        assert_eq!(Key::new("whsec_").unwrap_err(), KeyError::Empty);
        assert_eq!(Key::new("whsec_***").unwrap_err(), KeyError::NotBase64);
        assert!(!format!("{:?}", keys(&["hush"])).contains("hush"));
    }
}
