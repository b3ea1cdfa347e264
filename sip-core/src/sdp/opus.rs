//! The parameters of opus (RFC 7587 6.1): what a receiver of it would like, in `a=fmtp`.

/// What the writer of a description wants to receive. Everything is a wish but `stereo` and `maxptime`; an encoder takes
/// what it can from it.
///
/// ```
/// use offhook_core::sdp::OpusParameters;
/// let wanted = OpusParameters::parse("minptime=10;useinbandfec=1; maxaveragebitrate=24000");
/// assert!(wanted.inband_fec && !wanted.dtx);
/// assert_eq!((wanted.max_average_bitrate, wanted.max_playback_rate), (Some(24_000), 48_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpusParameters {
    /// `maxplaybackrate`: the highest sampling rate in Hz that is of use to it.
    pub max_playback_rate: u32,
    /// `maxaveragebitrate` in bit/s.
    pub max_average_bitrate: Option<u32>,
    /// `stereo`: it likes stereo better than mono.
    pub stereo: bool,
    /// `useinbandfec`: it can use what a packet says of the one before.
    pub inband_fec: bool,
    /// `usedtx`: pauses may be left out.
    pub dtx: bool,
    /// `cbr`: it wants a constant bit rate.
    pub constant_bitrate: bool,
}

impl Default for OpusParameters {
    /// What holds where nothing is written.
    fn default() -> OpusParameters {
        OpusParameters {
            max_playback_rate: 48_000,
            max_average_bitrate: None,
            stereo: false,
            inband_fec: false,
            dtx: false,
            constant_bitrate: false,
        }
    }
}

impl OpusParameters {
    /// Reads the parameters of an `a=fmtp` line. Unknown ones and values out of their range are ignored.
    pub fn parse(fmtp: &str) -> OpusParameters {
        let mut wanted = OpusParameters::default();
        for parameter in fmtp.split(';') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            let number = value.parse::<u32>().ok();
            let flag = number == Some(1);
            match name.as_str() {
                "maxplaybackrate" => {
                    wanted.max_playback_rate =
                        number.filter(|rate| (8000..=48_000).contains(rate)).unwrap_or(wanted.max_playback_rate);
                }
                "maxaveragebitrate" => {
                    wanted.max_average_bitrate = number.filter(|rate| (6000..=510_000).contains(rate));
                }
                "stereo" => wanted.stereo = flag,
                "useinbandfec" => wanted.inband_fec = flag,
                "usedtx" => wanted.dtx = flag,
                "cbr" => wanted.constant_bitrate = flag,
                _ => {}
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_ignored() {
        let wanted = OpusParameters::parse("maxplaybackrate=96000;maxaveragebitrate=1;stereo=2;useinbandfec;; x=1");
        assert_eq!(wanted, OpusParameters::default());
        assert_eq!(OpusParameters::parse("").max_playback_rate, 48_000);
        let all = OpusParameters::parse("MaxPlaybackRate=16000; stereo=1;usedtx=1;cbr=1");
        assert!(all.stereo && all.dtx && all.constant_bitrate && all.max_playback_rate == 16_000);
    }
}
