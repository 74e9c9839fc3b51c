//! Patterns of requests.
//!
//! A pattern names methods, a scheme, a host and a port:
//!
//! ```text
//! https://example.org              GET and HEAD, port 443
//! GET,POST https://*.example.org   every name below example.org, not itself
//! * http://127.0.0.1:8080          every method; an address is named by itself
//! *://*:*                          GET and HEAD to any host and port
//! GET http://10.0.0.0/8:*          a network of one's own
//! ```
//!
//! A pattern looks at the text of a request only; where a name leads is decided by
//! `capability::net`.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

/// Requests of one sort.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    methods: Methods,
    scheme: Option<Scheme>,
    host: Host,
    port: Port,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Methods {
    Any,
    These(BTreeSet<String>),
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As it is written in a URL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port when none is named.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    Any,
    Name(String),
    Below(String),
    Net(IpNet),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Port {
    Usual,
    Any,
    This(u16),
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?}: {wrong}; write it like \"GET,POST https://*.example.org:443\"")]
pub struct PatternError {
    pattern: String,
    wrong: String,
}

/// A request, as far as patterns look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The method, upper case.
    pub method: String,
    /// The scheme.
    pub scheme: Scheme,
    /// A name in lower case without a final dot, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = |wrong: &str| PatternError { pattern: text.to_owned(), wrong: wrong.to_owned() };
        let (methods, place) = match text.trim().split_once(char::is_whitespace) {
            Some((methods, place)) => (methods, place.trim_start()),
            None => ("GET,HEAD", text.trim()),
        };
        let methods = methods_of(methods).ok_or_else(|| wrong("a method is upper-case letters, or * for all"))?;
        let (scheme, place) = place.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        let scheme = match scheme {
            "http" => Some(Scheme::Http),
            "https" => Some(Scheme::Https),
            "*" => None,
            _ => return Err(wrong("the scheme is http, https or *")),
        };
        let (host, port) = split_port(place).ok_or_else(|| wrong("the port is a number or *"))?;
        let host = host_of(host).ok_or_else(|| wrong("the host is a name, *.name, *, an address or a network"))?;
        Ok(Self { methods, scheme, host, port })
    }
}

fn methods_of(text: &str) -> Option<Methods> {
    if text == "*" {
        return Some(Methods::Any);
    }
    let is_method = |method: &str| !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    text.split(',')
        .map(|method| is_method(method).then(|| method.to_owned()))
        .collect::<Option<_>>()
        .map(Methods::These)
}

fn split_port(place: &str) -> Option<(&str, Port)> {
    let is_bare = place.starts_with('[') && place.ends_with(']');
    match place.rsplit_once(':').filter(|_| !is_bare) {
        None => Some((place, Port::Usual)),
        Some((host, "*")) => Some((host, Port::Any)),
        Some((host, port)) => Some((host, Port::This(port.parse().ok().filter(|port| *port > 0)?))),
    }
}

fn host_of(text: &str) -> Option<Host> {
    if text == "*" {
        return Some(Host::Any);
    }
    let plain = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = plain.parse::<IpAddr>() {
        return Some(Host::Net(address.into()));
    }
    if let Ok(net) = plain.parse::<IpNet>() {
        return Some(Host::Net(net.trunc()));
    }
    let (name, make): (&str, fn(String) -> Host) = match text.strip_prefix("*.") {
        Some(rest) => (rest, Host::Below),
        None => (text, Host::Name),
    };
    is_name(name).then(|| make(name.to_lowercase()))
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

impl Pattern {
    /// Whether it allows a request, as far as its text says: addresses that a name
    /// resolves to are another question, see `capability::net`.
    pub fn matches(&self, target: &Target) -> bool {
        let method = match &self.methods {
            Methods::Any => true,
            Methods::These(these) => these.contains(&target.method),
        };
        let port = match self.port {
            Port::Any => true,
            Port::Usual => target.port == target.scheme.port(),
            Port::This(port) => target.port == port,
        };
        let host = match &self.host {
            Host::Any => true,
            Host::Name(name) => *name == target.host,
            Host::Below(name) => {
                target.host.strip_suffix(name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            Host::Net(net) => target.host.parse().is_ok_and(|address: IpAddr| net.contains(&address)),
        };
        method && port && host && self.scheme.is_none_or(|scheme| scheme == target.scheme)
    }

    /// Whether it names this address, or a network that holds it.
    pub fn names(&self, address: IpAddr) -> bool {
        matches!(&self.host, Host::Net(net) if net.contains(&address))
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.methods {
            Methods::Any => f.write_str("* ")?,
            Methods::These(these) => write!(f, "{} ", these.iter().map(String::as_str).collect::<Vec<_>>().join(","))?,
        }
        write!(f, "{}://", self.scheme.map_or("*", Scheme::name))?;
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Name(name) => f.write_str(name)?,
            Host::Below(name) => write!(f, "*.{name}")?,
            Host::Net(net) => write_net(f, net)?,
        }
        match self.port {
            Port::Usual => Ok(()),
            Port::Any => f.write_str(":*"),
            Port::This(port) => write!(f, ":{port}"),
        }
    }
}

fn write_net(f: &mut std::fmt::Formatter<'_>, net: &IpNet) -> std::fmt::Result {
    let is_one = net.prefix_len() == net.max_prefix_len();
    let text = if is_one { net.addr().to_string() } else { net.to_string() };
    if net.addr().is_ipv6() { write!(f, "[{text}]") } else { f.write_str(&text) }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl Target {
    /// Method and place, without path and query: they may hold secrets.
    pub fn request(&self) -> String {
        format!("{} {}", self.method, self.origin())
    }

    /// Scheme, host and port, the port only when it is not the usual one.
    pub fn origin(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = if self.port == self.scheme.port() { String::new() } else { format!(":{}", self.port) };
        format!("{}://{host}{port}", self.scheme.name())
    }

    /// The same request to an address.
    #[must_use]
    pub fn to_address(&self, address: IpAddr) -> Self {
        Self { host: address.to_string(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn target(method: &str, scheme: Scheme, host: &str, port: u16) -> Target {
        Target { method: method.to_owned(), scheme, host: host.to_owned(), port }
    }

    fn matches(pattern: &str, method: &str, scheme: Scheme, host: &str, port: u16) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(&target(method, scheme, host, port))
    }

    #[test]
    fn a_pattern_allows_what_it_says_and_nothing_beside_it() {
        use Scheme::{Http, Https};
        assert!(matches("https://example.org", "GET", Https, "example.org", 443));
        assert!(matches("https://example.org", "HEAD", Https, "example.org", 443));
        assert!(!matches("https://example.org", "POST", Https, "example.org", 443));
        assert!(!matches("https://example.org", "GET", Http, "example.org", 80));
        assert!(!matches("https://example.org", "GET", Https, "example.org", 8443));
        assert!(!matches("https://example.org", "GET", Https, "www.example.org", 443));
        assert!(!matches("https://example.org", "GET", Https, "example.org.evil.net", 443));
        assert!(matches("POST https://*.example.org", "POST", Https, "a.b.example.org", 443));
        assert!(!matches("https://*.example.org", "GET", Https, "example.org", 443));
        assert!(!matches("https://*.example.org", "GET", Https, "badexample.org", 443));
        assert!(!matches("https://*.example.org", "GET", Https, ".example.org", 443));
        assert!(matches("* *://*:*", "DELETE", Http, "x", 1));
        assert!(matches("http://10.0.0.0/8:*", "GET", Http, "10.9.8.7", 81));
        assert!(!matches("http://10.0.0.0/8", "GET", Http, "11.0.0.1", 80));
        assert!(matches("http://[::1]:8080", "GET", Http, "::1", 8080));
        assert!(matches("http://[fd00::/8]", "GET", Http, "fd00::1", 80));
        assert!(!matches("http://127.0.0.1", "GET", Http, "localhost", 80));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        for (text, wrong) in [
            ("example.org", "it has no scheme"),
            ("ftp://example.org", "the scheme is"),
            ("get https://example.org", "a method is upper-case"),
            ("GET,,PUT https://example.org", "a method is upper-case"),
            ("https://example.org:0", "the port is"),
            ("https://example.org:65536", "the port is"),
            ("https://exa mple.org", "a method is upper-case"),
            ("https://*.*.org", "the host is"),
            ("https://a*.org", "the host is"),
            ("https://", "the host is"),
            ("https://user@example.org", "the host is"),
            ("https://example.org/path", "the host is"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }

    proptest! {
        /// The line that a refusal prints allows exactly what was refused.
        #[test]
        fn the_printed_line_allows_the_refused_request(
            method in "[A-Z]{1,8}", secure in any::<bool>(), host in "[a-z0-9]{1,9}(\\.[a-z]{2,9}){0,3}", port in 1_u16..,
        ) {
            let there = target(&method, if secure { Scheme::Https } else { Scheme::Http }, &host, port);
            let pattern: Pattern = there.request().parse().unwrap();
            prop_assert!(pattern.matches(&there));
            let again: Pattern = pattern.to_string().parse().unwrap();
            prop_assert_eq!(&again, &pattern);
            let elsewhere = Target { port: port ^ 1, ..there.clone() };
            let otherwise = Target { method: format!("{method}X"), ..there };
            prop_assert!(!pattern.matches(&elsewhere) && !pattern.matches(&otherwise));
        }
    }
}
