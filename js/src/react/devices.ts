import { useEffect, useState } from "react";
import { type Device, watchDevices } from "../media/devices.js";
import { meterLevel } from "../quality/level.js";

/** The microphones, cameras and speakers there are; it is told when one is plugged in or taken away. */
export function useDevices(): readonly Device[] {
  const [devices, setDevices] = useState<readonly Device[]>([]);
  useEffect(() => watchDevices(setDevices), []);
  return devices;
}

/** How loud a stream is, from 0 to 1, ten times a second; 0 without one. */
export function useLevel(stream: MediaStream | null): number {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    if (!stream || stream.getAudioTracks().length === 0) return;
    // In steps that can be seen, so that silence draws nothing.
    const stop = meterLevel(stream, (level) => setLevel(Math.round(level * 50) / 50), { interval: 100 });
    return () => {
      stop();
      setLevel(0);
    };
  }, [stream]);
  return level;
}
