//! `vestibule social test`, as far as it is the library's.

use serde_json::json;
use vestibule::ground::Time;
use vestibule::social::{Providers, trial};
use vestibule::testing::{Asked, Fault};

use super::*;

/// What is wrong with the provider under these settings; the words that stand before the colon.
async fn wrong(provider: &Provider, change: impl FnOnce(&mut Social)) -> Vec<String> {
    let mut settings = Settings::default();
    let mut own = provider.settings();
    change(&mut own);
    settings.social.insert("acme".into(), own);
    let providers = Providers::load(&settings).unwrap();
    let found = trial::run(providers.get("acme").unwrap(), Time::from_millis(0)).await;
    assert!(found[0].text.ends_with("http://127.0.0.1:8000/auth/social/acme/callback/"), "{found:?}");
    let texts = found.into_iter().filter(|finding| !finding.fine).map(|finding| finding.text);
    texts.map(|text| text.split(':').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_wrong_with_a_providers_settings_is_told_in_words() {
    let provider = Provider::start().await;
    assert_eq!(wrong(&provider, |_| {}).await, [""; 0]);
    assert_eq!(wrong(&provider, |own| own.client_secret = Some("another".into())).await, ["client_secret"]);
    let unknown = wrong(&provider, |own| own.client_id = Some("another".into())).await;
    assert_eq!(unknown, ["client_id and callback", "client_secret"]);
    assert_eq!(wrong(&provider, |own| own.scopes = Some(vec!["email".into()])).await, ["scopes"]);
    assert_eq!(wrong(&provider, |own| own.scopes = Some(vec!["openid".into(), "phone".into()])).await, ["scopes"]);
    assert_eq!(wrong(&provider, |own| own.issuer = own.issuer.take().map(|issuer| issuer + "/")).await, ["issuer"]);
    provider.script(|script| script.refuses = Some("unauthorized_client".into()));
    assert_eq!(wrong(&provider, |_| {}).await, ["client_id and callback"]);
    provider.script(|script| script.refuses = None);
    provider.script(|script| script.faults = [(Asked::Keys, Fault::Status(500))].into());
    assert_eq!(wrong(&provider, |_| {}).await, ["keys"]);
    provider.script(|script| drop(script.description.insert("token_endpoint".into(), json!(null))));
    assert_eq!(wrong(&provider, |_| {}).await, ["issuer"]);
}

#[test]
fn every_kind_has_a_page_that_names_its_callback() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/social");
    let all = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for kind in vestibule::social::kinds::KINDS {
        let page = std::fs::read_to_string(folder.join(format!("{}.md", kind.name))).unwrap_or_default();
        assert!(page.contains("/callback/") && page.contains("vestibule social test"), "docs/social/{}.md", kind.name);
        assert!(all.contains(&format!("({}.md)", kind.name)), "{} in docs/social/README.md", kind.name);
    }
}
