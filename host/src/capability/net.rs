//! Which requests a handler may send, and to which addresses.
//!
//! A request goes out when one of the author's patterns and one of the operator's
//! match it, and every address that its host name resolves to is one of the open
//! internet or lies in an address or network that a matching pattern of the operator
//! names. What this cannot promise: that a public address does not forward to a
//! private one.

use crate::rules::address;
use crate::rules::pattern::{Pattern, Target};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The requests that an attempt may send: what was asked for and what was granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Net {
    /// The handler's name, for messages.
    pub handler: String,
    /// The author's patterns.
    pub asked: BTreeSet<Pattern>,
    /// The operator's.
    pub granted: BTreeSet<Pattern>,
}

/// Why a request was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// No pattern of the author matches: nobody can allow it.
    #[error("{request} is not among what handler {handler} asks for: its author lists it in `asks.http`")]
    NotAsked {
        /// Method and place.
        request: Box<str>,
        /// The handler.
        handler: Box<str>,
    },
    /// No pattern of the operator matches.
    #[error(
        "{request} is not granted to handler {handler}; to allow it add to its [[grants]] entry:\nhttp = [\"{line}\"]"
    )]
    NotGranted {
        /// Method and place.
        request: Box<str>,
        /// The handler.
        handler: Box<str>,
        /// The pattern that would allow it.
        line: Box<str>,
    },
    /// The name leads to an address that is not of the open internet.
    #[error(
        "{request}: {} is {what}, and such addresses are refused to handler {handler} unless they are named; to allow \
         it add to its [[grants]] entry:\nhttp = [\"{line}\"]",
        resolved(host, *address)
    )]
    Own {
        /// Method and place.
        request: Box<str>,
        /// The host as the guest named it.
        host: Box<str>,
        /// What it resolves to.
        address: IpAddr,
        /// What that is.
        what: &'static str,
        /// The handler.
        handler: Box<str>,
        /// The pattern that would allow it.
        line: Box<str>,
    },
}

/// A name with the address that it leads to, or the address alone if the guest named no other.
fn resolved(host: &str, address: IpAddr) -> String {
    if host.parse() == Ok(address) { host.to_owned() } else { format!("{host} is {address}, which") }
}

impl Net {
    /// Whether a request may be sent, before its host is looked up.
    ///
    /// # Errors
    /// It may not; the message has the line that would allow it.
    pub fn check(&self, target: &Target) -> Result<(), NetError> {
        let (request, handler): (Box<str>, Box<str>) = (target.request().into(), self.handler.as_str().into());
        if !self.asked.iter().any(|pattern| pattern.matches(target)) {
            return Err(NetError::NotAsked { request, handler });
        }
        if self.granted.iter().any(|pattern| pattern.matches(target)) {
            return Ok(());
        }
        Err(NetError::NotGranted { line: request.clone(), request, handler })
    }

    /// Whether the request may go to this address, one of those that its host name
    /// resolves to.
    ///
    /// # Errors
    /// It is not of the open internet and no pattern names it.
    pub fn address(&self, target: &Target, address: IpAddr) -> Result<(), NetError> {
        let Some(what) = address::own(address) else { return Ok(()) };
        let at = target.to_address(address);
        if self.granted.iter().any(|pattern| pattern.names(address) && pattern.matches(&at)) {
            return Ok(());
        }
        Err(NetError::Own {
            request: target.request().into(),
            host: target.host.as_str().into(),
            address,
            what,
            handler: self.handler.as_str().into(),
            line: at.request().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rules::pattern::Scheme;

    fn target(method: &str, scheme: Scheme, host: &str, port: u16) -> Target {
        Target { method: method.to_owned(), scheme, host: host.to_owned(), port }
    }

    fn net(asked: &[&str], granted: &[&str]) -> Net {
        let set = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Net { handler: "h".to_owned(), asked: set(asked), granted: set(granted) }
    }

    #[test]
    fn both_sides_must_want_a_request() {
        let there = target("GET", Scheme::Https, "example.org", 443);
        assert_eq!(net(&["https://*"], &["https://example.org"]).check(&there), Ok(()));
        let error = net(&["https://*"], &["https://example.net"]).check(&there).unwrap_err().to_string();
        assert_eq!(
            error,
            "GET https://example.org is not granted to handler h; to allow it add to its [[grants]] entry:\n\
             http = [\"GET https://example.org\"]"
        );
        let error = net(&["https://example.net"], &["* *://*:*"]).check(&there).unwrap_err().to_string();
        assert!(error.contains("is not among what handler h asks for"), "{error}");
    }

    #[test]
    fn an_address_of_one_s_own_network_must_be_named() {
        let there = target("GET", Scheme::Http, "intranet", 8080);
        let open = net(&["* *://*:*"], &["* *://*:*"]);
        let error = open.address(&there, "10.1.2.3".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("intranet is 10.1.2.3, which is private"), "{error}");
        assert!(error.ends_with("http = [\"GET http://10.1.2.3:8080\"]"), "{error}");
        let named = net(&["* *://*:*"], &["* *://*:*", "GET http://10.0.0.0/8:8080"]);
        assert_eq!(named.address(&there, "10.1.2.3".parse().unwrap()), Ok(()));
        assert!(named.address(&there, "192.168.0.1".parse().unwrap()).is_err());
        assert!(named.address(&target("POST", Scheme::Http, "intranet", 8080), "10.1.2.3".parse().unwrap()).is_err());
        assert_eq!(open.address(&there, "1.1.1.1".parse().unwrap()), Ok(()));
        for (host, what) in [("127.0.0.1", "127.0.0.1 is loopback"), ("::1", "::1 is loopback")] {
            let there = target("GET", Scheme::Http, host, 80);
            let error = open.address(&there, host.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains(&format!(": {what}, and such addresses are refused")), "{error}");
        }
    }
}
