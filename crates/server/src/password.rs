//! Passwords: argon2id, away from the threads that answer requests, a few at a time (one takes
//! 19 MiB and some 20 ms).

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use hookswitch_domain::secret::Secret;
use tokio::sync::Semaphore;

use crate::api::problem::Problem;

/// NIST SP 800-63B: length matters, composition rules don't.
pub const LENGTH_MIN: usize = 12;
pub const LENGTH_MAX: usize = 200;

static TURNS: Semaphore = Semaphore::const_new(2);

/// Checked when no account has the email, so that both cases take the same time. Made with the
/// same parameters as the hashes that are stored.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$vh1mPsY3jJYNcdDQ+ZVRMDHQ5Ijl8jFhYOYtj2qQyhE";

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// Why a password can't be taken.
pub fn check(password: &Secret) -> Result<(), &'static str> {
    let Some(text) = password.expose_text() else { return Err("must be text") };
    match text.chars().count() {
        LENGTH_MIN..=LENGTH_MAX => Ok(()),
        _ => Err("must have 12 to 200 characters"),
    }
}

pub async fn hash(password: Secret) -> Result<String, Problem> {
    let _turn = TURNS.acquire().await;
    let work = move || argon2().hash_password(password.expose()).map(|hash| hash.to_string());
    let hashed = tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(error.to_string()))?;
    hashed.map_err(|error| Problem::internal(format!("argon2: {error}")))
}

/// Whether the password is the one behind `stored`. Without a stored one the work is done all the same.
pub async fn verify(password: Secret, stored: Option<String>) -> bool {
    let _turn = TURNS.acquire().await;
    let work = move || {
        let known = stored.is_some();
        let text = stored.unwrap_or_else(|| NOBODY.to_owned());
        let Ok(hash) = PasswordHash::new(&text) else { return false };
        argon2().verify_password(password.expose(), &hash).is_ok() && known
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let hash = hash(Secret::from("correct horse battery")).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify(Secret::from("correct horse battery"), Some(hash.clone())).await);
        assert!(!verify(Secret::from("correct horse batterz"), Some(hash)).await);
        assert!(!verify(Secret::from("anything"), None).await);
        assert!(!verify(Secret::from("anything"), Some("not a hash".to_owned())).await);
    }

    #[test]
    fn the_stand_in_costs_what_a_stored_hash_costs() {
        let stand_in = Params::try_from(&PasswordHash::new(NOBODY).unwrap()).unwrap();
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        assert_eq!(cost(&stand_in), cost(&Params::DEFAULT));
    }

    #[test]
    fn twelve_characters_are_the_least() {
        assert!(check(&Secret::from("elevenchars")).is_err());
        assert!(check(&Secret::from("twelve chars")).is_ok());
        assert!(check(&Secret::from("ä".repeat(201).as_str())).is_err());
    }
}
