/** For those in the field, with a phone in the hand: what they may know, and what they may tell or ask for. */
import { useViewer } from '../shell/viewer'
import { OpenCalls } from './observe'
import { SharedPictures } from './shared'
import './street.css'

/** `onEnd`: the server no longer answers this person, who may have been signed out. */
export function StreetPage({ onEnd }: { onEnd: () => void }) {
  const viewer = useViewer()
  return (
    <main className="street">
      {viewer.can('read_shared_feeds') && <SharedPictures onEnd={onEnd} />}
      {viewer.can('read_open_calls') && <OpenCalls onEnd={onEnd} />}
    </main>
  )
}
