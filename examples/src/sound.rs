//! The microphone and the loudspeaker of this machine, by `cpal`: with the feature `sound`, which needs the headers of ALSA on
//! Linux. Without it, or where a device is missing, that direction is silent.

use offhook::media::Audio;

/// Devices that are open as long as this is kept.
#[derive(Default)]
pub struct Devices {
    #[cfg(feature = "sound")]
    _streams: Vec<cpal::Stream>,
    /// What cannot be had, in words.
    pub missing: Vec<String>,
}

/// A call's audio from and to the devices of this machine.
#[cfg(not(feature = "sound"))]
pub fn open() -> (Audio, Devices) {
    let missing = vec!["this program was built without sound (feature `sound`)".to_owned()];
    (Audio::silence(), Devices { missing })
}

#[cfg(feature = "sound")]
pub use devices::open;

#[cfg(feature = "sound")]
mod devices {
    use std::time::Instant;

    use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
    use cpal::{FromSample, Sample, SampleFormat, SizedSample, Stream, StreamConfig};
    use offhook::media::{Audio, Filled, PipeSink, PipeSource, Silence, Sink, Source, Stamp, pipe};

    use super::Devices;

    /// A call's audio from and to the devices of this machine.
    pub fn open() -> (Audio, Devices) {
        let mut devices = Devices::default();
        let mut keep = |what: &str, opened: anyhow::Result<Stream>| match opened {
            Ok(stream) => devices._streams.push(stream),
            Err(error) => devices.missing.push(format!("{what}: {error}")),
        };
        let host = cpal::default_host();
        let mut source: Box<dyn Source> = Box::new(Silence);
        let mut sink: Box<dyn Sink> = Box::new(Silence);
        keep(
            "no microphone",
            microphone(&host).map(|(stream, heard)| {
                source = Box::new(heard);
                stream
            }),
        );
        keep(
            "no loudspeaker",
            loudspeaker(&host).map(|(stream, said)| {
                sink = Box::new(said);
                stream
            }),
        );
        (Audio::new(source, sink), devices)
    }

    fn microphone(host: &cpal::Host) -> anyhow::Result<(Stream, PipeSource)> {
        let device = host.default_input_device().ok_or_else(|| anyhow::anyhow!("there is none"))?;
        let config = device.default_input_config()?;
        let (sink, source) = pipe(config.sample_rate());
        let stream = match config.sample_format() {
            SampleFormat::I16 => listen::<i16>(&device, config.into(), sink)?,
            SampleFormat::F32 => listen::<f32>(&device, config.into(), sink)?,
            other => anyhow::bail!("it gives samples of {other}"),
        };
        stream.play()?;
        Ok((stream, source))
    }

    fn listen<T: SizedSample>(device: &cpal::Device, config: StreamConfig, mut sink: PipeSink) -> anyhow::Result<Stream>
    where
        i16: FromSample<T>,
    {
        let (channels, rate) = (usize::from(config.channels).max(1), config.sample_rate);
        let mut time = 0;
        let heard = move |samples: &[T], _: &_| {
            let first = |frame: &[T]| i16::from_sample(frame[0]);
            let frame: Vec<i16> = samples.chunks_exact(channels).map(first).collect();
            sink.take(Stamp { rate, time, at: Instant::now() }, &frame);
            time += frame.len() as u64;
        };
        Ok(device.build_input_stream(config, heard, |error| eprintln!("microphone: {error}"), None)?)
    }

    fn loudspeaker(host: &cpal::Host) -> anyhow::Result<(Stream, PipeSink)> {
        let device = host.default_output_device().ok_or_else(|| anyhow::anyhow!("there is none"))?;
        let config = device.default_output_config()?;
        let (sink, source) = pipe(config.sample_rate());
        let stream = match config.sample_format() {
            SampleFormat::I16 => speak::<i16>(&device, config.into(), source)?,
            SampleFormat::F32 => speak::<f32>(&device, config.into(), source)?,
            other => anyhow::bail!("it takes samples of {other}"),
        };
        stream.play()?;
        Ok((stream, sink))
    }

    fn speak<T>(device: &cpal::Device, config: StreamConfig, mut source: PipeSource) -> anyhow::Result<Stream>
    where
        T: SizedSample + FromSample<i16>,
    {
        let (channels, rate) = (usize::from(config.channels).max(1), config.sample_rate);
        let mut time = 0;
        let said = move |samples: &mut [T], _: &_| {
            let mut frame = vec![0_i16; samples.len() / channels];
            if source.fill(Stamp { rate, time, at: Instant::now() }, &mut frame) == Filled::Silence {
                frame.fill(0);
            }
            time += frame.len() as u64;
            for (out, sample) in samples.chunks_exact_mut(channels).zip(frame) {
                out.fill(T::from_sample(sample));
            }
        };
        Ok(device.build_output_stream(config, said, |error| eprintln!("loudspeaker: {error}"), None)?)
    }
}
