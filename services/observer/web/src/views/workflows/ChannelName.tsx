import { keyOf, nameOf, usePlaces } from "../mappings/usePlaces";

/** Admins see the channels, so they see its name. */
export function ChannelName({ channel }: { channel: string }) {
  const found = usePlaces("channel", channel).items.find((place) => place.external_id === channel);
  return found ? <span key={keyOf(found)}>{nameOf(found)}</span> : channel;
}
