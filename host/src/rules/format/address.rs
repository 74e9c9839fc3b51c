//! Addresses of pages: which are fetched, and when two are the same.

use super::Why;
use super::draft::excerpt;
use url::Url;

/// Parameters that say where a visitor came from, not what is shown: those of
/// Google Analytics (every name that begins so), Meta and Google Ads.
const CAMPAIGN: &str = "utm_";
const CLICKS: [&str; 2] = ["fbclid", "gclid"];

/// The address of a page as the URL standard writes it, without fragment.
///
/// # Errors
/// It is empty, no URL, not of the web, or holds a user or a password.
pub fn page(text: &str) -> Result<String, Why> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Why::NoUrl);
    }
    let said = || excerpt(text.as_bytes());
    let mut url = Url::parse(text).map_err(|error| Why::NotAUrl { url: said(), reason: error.to_string() })?;
    if !is_fetched(&url) {
        return Err(Why::Scheme { url: said(), scheme: url.scheme().to_owned() });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Why::Login(url.host_str().unwrap_or_default().to_owned()));
    }
    url.set_fragment(None);
    Ok(url.into())
}

fn is_fetched(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// What the addresses of one page have in common: for finding duplicates, not for
/// fetching.
///
/// Scheme and host are in small letters; the port is left out when it is the one of
/// the scheme, and so are the fragment, the dots behind the host, the parameters
/// `utm_…`, `fbclid` and `gclid`, and a query without parameters. The path, the order
/// of the other parameters and whether it is `http` or `https` stay as they are. What
/// is no address of the web is given back as it is, without the spaces around it.
///
/// It cannot know that two addresses show the same page for other reasons.
pub fn canonical(text: &str) -> String {
    let text = text.trim();
    let Ok(mut url) = Url::parse(text) else {
        return text.to_owned();
    };
    if !is_fetched(&url) {
        return text.to_owned();
    }
    url.set_fragment(None);
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_end_matches('.').to_owned();
    if bare.len() < host.len() && !bare.is_empty() && url.set_host(Some(&bare)).is_err() {
        return text.to_owned();
    }
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_tracking(pair)).collect();
        let kept = kept.join("&");
        url.set_query(Some(kept.as_str()).filter(|query| !query.is_empty()));
    }
    url.into()
}

fn is_tracking(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    name.starts_with(CAMPAIGN) || CLICKS.contains(&name.as_str())
}
