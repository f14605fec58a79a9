//! Who may use the server by TCP: a name, a role and the hash of a key. On the socket of the home there is but its owner.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use smack_store::Write;

use super::{Said, Shared, bad, read};
use crate::api::Refused;
use crate::{clock, key};

/// The user that a server makes for itself when it has no admin.
const FIRST: &str = "admin";
/// What anybody may ask.
const OPEN: [&str; 2] = ["/health", "/ping"];
/// What an admin may ask.
const ADMINS: [&str; 2] = ["/createuser", "/refreshtoken"];
const NAME_BYTES_MAX: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    Admin,
    Regular,
}

/// A row of the store. A key has 122 random bits, so that its plain hash tells nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct User {
    name: String,
    role: Role,
    key_sha256: String,
    created_ms: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    name: String,
    role: String,
}

impl Asked {
    fn read(body: &axum::body::Bytes) -> Result<Self, Said> {
        let asked: Self = read(body)?;
        let is_fit = |name: &str| {
            name.len() <= NAME_BYTES_MAX && name.chars().all(|sign| sign.is_ascii_graphic())
        };
        match asked.name.as_str() {
            "" => Err(bad("User name required")),
            name if is_fit(name) => Ok(asked),
            name => Err(bad(format!(
                "{name:?} is no name of a user: up to {NAME_BYTES_MAX} visible ASCII characters without blanks"
            ))),
        }
    }
}

fn all(shared: &Shared) -> Result<Vec<User>, Refused> {
    let rows = shared.reader().range(key::USERS)?;
    let decoded = rows.iter().map(key::decode::<User>);
    decoded.map(|user| user.map_err(Refused::from)).collect()
}

fn find(shared: &Shared, name: &str) -> Result<Option<User>, Refused> {
    Ok(all(shared)?.into_iter().find(|user| user.name == name))
}

/// Saves the user with a new key, which is told this once.
async fn save(
    shared: &Shared,
    name: String,
    role: Role,
    created_ms: u64,
) -> Result<String, Refused> {
    let secret = new_key()?;
    let user = User {
        name,
        role,
        key_sha256: hash(&secret),
        created_ms,
    };
    let write = Write::put(key::user(&user.name), key::encode(&user));
    shared.write(vec![write]).await?;
    Ok(secret)
}

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    body: axum::body::Bytes,
) -> Result<Response, Said> {
    let asked = Asked::read(&body)?;
    let role = match asked.role.as_str() {
        "admin" => Role::Admin,
        _ => Role::Regular,
    };
    let _alone = shared.users.lock().await;
    if find(&shared, &asked.name)?.is_some() {
        return Err(bad(format!("User {} already exists", asked.name)));
    }
    let secret = save(&shared, asked.name, role, clock::now().0).await?;
    Ok((StatusCode::CREATED, secret).into_response())
}

pub(super) async fn refresh(
    State(shared): State<Arc<Shared>>,
    body: axum::body::Bytes,
) -> Result<String, Said> {
    let asked = Asked::read(&body)?;
    let _alone = shared.users.lock().await;
    let Some(user) = find(&shared, &asked.name)? else {
        return Err(bad(format!("there is no user {}", asked.name)));
    };
    Ok(save(&shared, user.name, user.role, user.created_ms).await?)
}

/// The key of a first admin, if there is none.
pub(super) async fn first_admin(shared: &Shared) -> Result<Option<String>, Refused> {
    let _alone = shared.users.lock().await;
    if all(shared)?.iter().any(|user| user.role == Role::Admin) {
        return Ok(None);
    }
    let secret = save(shared, FIRST.to_owned(), Role::Admin, clock::now().0).await?;
    Ok(Some(secret))
}

/// Lets a request of TCP pass if its key is that of its user and the user may ask this.
pub(super) async fn admit(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    match refusal(&shared, request.uri().path(), request.headers()) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    }
}

fn refusal(shared: &Shared, path: &str, headers: &HeaderMap) -> Option<Said> {
    if OPEN.contains(&path) {
        return None;
    }
    let unauthorized = || Some(Said(StatusCode::FORBIDDEN, "Unauthorized".to_owned()));
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let of_old = header("x-api-user").zip(header("x-api-key"));
    let of_old = of_old.map(|(name, secret)| (name.to_owned(), secret.to_owned()));
    let Some((name, secret)) = of_old.or_else(|| basic(header("authorization")?)) else {
        return unauthorized();
    };
    match find(shared, &name) {
        Err(refused) => Some(refused.into()),
        Ok(Some(user)) if user.key_sha256 == hash(&secret) => {
            let is_refused = ADMINS.contains(&path) && user.role != Role::Admin;
            is_refused.then(|| {
                let text = format!("User {name} is not an admin");
                Said(StatusCode::FORBIDDEN, text)
            })
        }
        // Who exists is nobody else's business.
        Ok(_) => unauthorized(),
    }
}

/// The name and the key of an `Authorization: Basic` (RFC 7617), as clients of Marathon send it.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let bytes = scheme
        .eq_ignore_ascii_case("basic")
        .then(|| BASE64_STANDARD.decode(encoded.trim()).ok())??;
    let text = String::from_utf8(bytes).ok()?;
    let (name, secret) = text.split_once(':')?;
    Some((name.to_owned(), secret.to_owned()))
}

/// A random UUID (RFC 9562, version 4), as of old.
fn new_key() -> Result<String, Refused> {
    let mut bytes = [0_u8; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if filled != Ok(bytes.len()) {
        let text = "the system has no random numbers".to_owned();
        return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    Ok(uuid(&bytes))
}

/// As a UUID is written.
pub(in crate::api) fn uuid(bytes: &[u8; 16]) -> String {
    let text = hexadecimal(bytes);
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    parts.join("-")
}

fn hash(secret: &str) -> String {
    hexadecimal(&Sha256::digest(secret))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{hash, new_key};

    #[test]
    fn keys_are_random_uuids() {
        let key = new_key().expect("random");
        let groups: Vec<usize> = key.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{key}");
        assert_eq!(&key[14..15], "4", "{key}");
        assert!(matches!(&key[19..20], "8" | "9" | "a" | "b"), "{key}");
        assert_ne!(key, new_key().expect("random"));
    }

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn hashes_are_those_of_the_standard() {
        assert_eq!(
            hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
