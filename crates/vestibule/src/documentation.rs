//! The pages whose Rust is compiled with the doctests. A test of the server's (`snippets`) sees that none is missing.

macro_rules! pages {
    ($($name:ident $path:literal),* $(,)?) => {
        $(#[doc = include_str!(concat!("../../../", $path))] mod $name {})*
    };
}

pages! {
    readme "README.md",
    verify_tokens_elsewhere "docs/cookbook/verify-tokens-elsewhere.md",
    your_own_user "docs/cookbook/your-own-user.md",
    hooks "docs/cookbook/hooks.md",
    social "docs/social/README.md",
}
