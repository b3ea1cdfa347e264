//! What an application can choose about its media.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::codec::Codec;
use super::rtp::Latching;

/// How a call's audio goes over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What to offer. An answer is of the kind that was offered.
    pub kind: Kind,
    /// Where to receive media. By default, and with the unspecified address, where the other side or the server reaches this
    /// machine.
    ///
    /// With WebRTC a loopback address serves peers on this machine: a browser may well hide its loopback address and state
    /// that of a network card, so a socket is opened on such an address too if it belongs to this machine, and on the address
    /// of the default route if the browser hides its addresses altogether (mDNS, RFC 8828). The unspecified address serves
    /// everybody: loopback, the default route, and the way to each candidate. Any other address is used alone.
    pub bind: Option<IpAddr>,
    /// The address to state in descriptions of plain RTP, where it is another than that of the socket: behind a translator
    /// of addresses that forwards the ports.
    pub public: Option<IpAddr>,
    /// The UDP ports of plain RTP, even for RTP and the next for RTCP; by default those that the system gives.
    pub ports: Option<RangeInclusive<u16>>,
    /// The formats, the preferred first. An answer keeps the order of the offer.
    pub codecs: Vec<Codec>,
    /// The length of the packets that are asked for: 10, 20, 40 or 60 ms.
    pub ptime: Duration,
    /// Whether plain RTP is encrypted, with keys from the descriptions (RFC 4568). WebRTC always is.
    pub srtp: Srtp,
    /// RTCP on the port of RTP, where the other side wants that too (RFC 5761).
    pub rtcp_mux: bool,
    /// Whom to follow to another address than its description says.
    pub latching: Latching,
}

/// How media go over the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// RTP or SRTP with the addresses and keys of the descriptions: trunks and desk phones.
    #[default]
    Rtp,
    /// ICE and DTLS-SRTP: browsers.
    WebRtc,
}

/// Whether plain RTP is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Srtp {
    /// Never; offers of SRTP alone are refused.
    Never,
    /// Where it is offered; own offers are plain.
    #[default]
    Accepted,
    /// Always; plain offers are refused.
    Required,
}

impl Default for Options {
    /// Plain RTP in opus and G.711, in packets of 20 ms.
    fn default() -> Self {
        Options {
            kind: Kind::Rtp,
            bind: None,
            public: None,
            ports: None,
            codecs: Codec::ALL.to_vec(),
            ptime: Duration::from_millis(20),
            srtp: Srtp::Accepted,
            rtcp_mux: true,
            latching: Latching::default(),
        }
    }
}

impl Options {
    /// WebRTC, for browsers.
    pub fn webrtc() -> Options {
        Options { kind: Kind::WebRtc, ..Options::default() }
    }

    /// On this address.
    #[must_use]
    pub fn bind(mut self, address: impl Into<IpAddr>) -> Options {
        self.bind = Some(address.into());
        self
    }

    /// With these formats, the preferred first.
    #[must_use]
    pub fn codecs(mut self, codecs: impl Into<Vec<Codec>>) -> Options {
        self.codecs = codecs.into();
        self
    }

    /// Encrypted or not.
    #[must_use]
    pub fn srtp(mut self, srtp: Srtp) -> Options {
        self.srtp = srtp;
        self
    }
}
