//! Keys and passwords in files.

use std::sync::LazyLock;

use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::bytes::Regex;

/// Keys are small. Larger files are not searched for them.
pub(super) const MAX_SECRET: u64 = 256 << 10;

/// A key and its first line, not only the words: those stand in programs and manuals too. In JSON
/// the ends of lines are written `\n`.
static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let key = r#"(?m)(?:^|"|\\n)[ \t]*-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\s|\\r|\\n)+(?:[A-Za-z0-9+/=]{40}|Proc-Type:)"#;
    Regex::new(key).ok()
});

/// Files that hold credentials, and what must stand in one for that (nothing: it is not empty).
const CREDENTIALS: [(&str, &str); 14] = [
    ("/**/.aws/credentials", "aws_secret_access_key"),
    ("/**/.docker/config.json", "\"auth\""),
    ("/**/.dockercfg", "\"auth\""),
    ("/**/.git-credentials", ""),
    ("/**/.netrc", "password"),
    ("/**/.pgpass", ""),
    ("/**/.my.cnf", "password"),
    ("/**/.pypirc", "password"),
    ("/**/.npmrc", "_auth"),
    ("/**/gcloud/application_default_credentials.json", ""),
    ("/**/gcloud/{credentials.db,legacy_credentials/**}", ""),
    ("/**/.azure/{accessTokens.json,msal_token_cache.*}", ""),
    ("/**/.kube/config", "users"),
    ("/**/.boto", "secret"),
];

static CREDENTIAL_FILES: LazyLock<GlobSet> =
    LazyLock::new(|| globs(CREDENTIALS.map(|(glob, _)| glob)));

/// Compiles globs of our own.
pub(super) fn globs<'a>(globs: impl IntoIterator<Item = &'a str>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        if let Ok(glob) = Glob::new(glob) {
            set.add(glob);
        }
    }
    set.build().unwrap_or_else(|_| GlobSet::empty())
}

/// Whether a file has a private key in it.
pub(super) fn has_private_key(content: &[u8]) -> bool {
    KEY.as_ref().is_some_and(|key| key.is_match(content))
}

/// Whether a file at `path` is one that credentials are kept in.
pub(super) fn is_credential_file(path: &str) -> bool {
    CREDENTIAL_FILES.is_match(path)
}

/// Whether a credential file holds any.
pub(super) fn has_credentials(path: &str, content: &[u8]) -> bool {
    let kinds = CREDENTIAL_FILES.matches(path);
    let text = String::from_utf8_lossy(content);
    !content.is_empty()
        && kinds
            .into_iter()
            .any(|kind| text.contains(CREDENTIALS[kind].1))
}

/// Whether a variable is named like a secret and has a value that could be one.
pub(super) fn is_secret_variable(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let named = ["SECRET", "PASSWORD", "PASSWD"]
        .iter()
        .any(|word| name.contains(word))
        || ["TOKEN", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY"]
            .iter()
            .any(|word| name == *word || name.ends_with(&format!("_{word}")));
    // `DB_PASSWORD_FILE=/run/secrets/db` says where, `ALLOW_EMPTY_PASSWORD=yes` says whether.
    let elsewhere = ["_FILE", "_PATH", "_DIR", "_URL", "_LENGTH"];
    let elsewhere = elsewhere.iter().any(|end| name.ends_with(end));
    let switch = ["", "0", "1", "yes", "no", "true", "false", "on", "off"];
    named && !elsewhere && !switch.contains(&value.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_patterns_compile() {
        assert!(KEY.is_some());
        assert_eq!(CREDENTIAL_FILES.len(), CREDENTIALS.len());
    }

    #[test]
    fn keys_are_told_from_talk_about_keys() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
        let keys = [
            format!("-----BEGIN PRIVATE KEY-----\n{body}\n"),
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\r\n{body}\r\n"),
            format!("x\n  -----BEGIN RSA PRIVATE KEY-----\n  {body}\n"),
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n".to_owned(),
            format!(r#"{{"private_key": "-----BEGIN PRIVATE KEY-----\n{body}\n"}}"#),
        ];
        for key in keys {
            assert!(has_private_key(key.as_bytes()), "{key}");
        }
        let talk = [
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n".to_owned(),
            "\0-----BEGIN OPENSSH PRIVATE KEY-----\0\0-----END".to_owned(),
            format!("-----BEGIN PUBLIC KEY-----\n{body}\n"),
            format!("-----BEGIN CERTIFICATE-----\n{body}\n"),
        ];
        for talk in talk {
            assert!(!has_private_key(talk.as_bytes()), "{talk}");
        }
    }

    #[test]
    fn credential_files_count_when_there_is_something_in_them() {
        let table = [
            ("/root/.aws/credentials", "aws_secret_access_key = x", true),
            (
                "/root/.docker/config.json",
                r#"{"auths": {"r": {"auth": "eDp5"}}}"#,
                true,
            ),
            (
                "/root/.docker/config.json",
                "{\"credsStore\": \"x\"}",
                false,
            ),
            ("/home/a/.git-credentials", "https://a:b@c", true),
            ("/home/a/.git-credentials", "", false),
            ("/root/.netrc", "machine x login y password z", true),
            (
                "/root/.config/gcloud/application_default_credentials.json",
                "{}",
                true,
            ),
            ("/root/credentials", "aws_secret_access_key = x", false),
        ];
        for (path, content, expected) in table {
            assert_eq!(
                has_credentials(path, content.as_bytes()),
                expected,
                "{path} {content}"
            );
        }
    }

    #[test]
    fn variables_that_are_named_like_secrets() {
        let table = [
            ("GITHUB_TOKEN", "ghp_x", true),
            ("token", "x", true),
            ("AWS_SECRET_ACCESS_KEY", "x", true),
            ("MYSQL_ROOT_PASSWORD", "x", true),
            ("STRIPE_API_KEY", "x", true),
            ("GITHUB_TOKEN", "", false),
            ("DB_PASSWORD_FILE", "/run/secrets/db", false),
            ("ALLOW_EMPTY_PASSWORD", "yes", false),
            ("GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568", false),
            ("TOKENIZERS_PARALLELISM", "4", false),
            ("PATH", "/usr/bin", false),
        ];
        for (name, value, expected) in table {
            assert_eq!(is_secret_variable(name, value), expected, "{name}={value}");
        }
    }
}
