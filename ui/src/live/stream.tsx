/** One picture as it comes, in a video element, with what is to be said about it. */
import { useEffect, useRef } from 'react'

import { backOff, BY_ITSELF, client, failureOf } from '../graphql/client'
import { LivePictureDocument } from '../graphql/generated/graphql'
import { LiveConnection, type Opening, type Way } from './connection'
import { LivePlayer } from './player'

export type Size = 'grid' | 'full'

type Props = {
  view: string
  size: Size
  /** What it is of, for who does not see it. */
  label: string
  /** The override that lifts the mask, if there is one in effect. */
  override: string | undefined
  onWay: (way: Way) => void
  onSaid: (said: { masked?: boolean; watchers?: number }) => void
  onBytes: () => void
  /** The first picture is on the screen. */
  onFirst: () => void
}

async function opened(view: string, override: string | undefined): Promise<Opening> {
  const asked = await client.mutation(LivePictureDocument, { view, override: override ?? null }, BY_ITSELF).toPromise()
  const picture = asked.data?.livePicture
  if (!picture) throw failureOf(asked.error)
  if (picture.url && picture.token) return { url: picture.url, token: picture.token }
  // An override that is over takes only the mask's lifting with it.
  if (override) return opened(view, undefined)
  if (picture.reason) return { reason: picture.reason }
  throw new Error('The watch center named no picture.')
}

export function Stream({ view, size, label, override, onWay, onSaid, onBytes, onFirst }: Props) {
  const video = useRef<HTMLVideoElement>(null)
  const connection = useRef<LiveConnection>(undefined)
  const lifted = useRef(override)
  const listening = useRef({ onWay, onSaid, onBytes })
  useEffect(() => {
    listening.current = { onWay, onSaid, onBytes }
  })

  useEffect(() => {
    const element = video.current
    if (!element) return
    let player: LivePlayer | undefined
    const made = new LiveConnection(
      {
        open: () => opened(view, lifted.current),
        wire: (url) => new WebSocket(`${url}?size=${size}`),
        wait: backOff,
      },
      {
        way: (way) => {
          // What cannot be shown any more is not left standing as if it were live.
          if (way.state === 'ended') player?.close()
          listening.current.onWay(way)
        },
        told: (told) => {
          if (told.type === 'view') return listening.current.onSaid({ masked: told.masked, watchers: told.watchers })
          listening.current.onSaid({ masked: told.masked })
          player ??= new LivePlayer(element, (message) => {
            player?.close()
            player = undefined
            made.restart(message)
          })
          player.expect(told.mime)
        },
        bytes: (bytes) => {
          listening.current.onBytes()
          player?.append(bytes)
        },
      },
    )
    connection.current = made
    return () => {
      made.close()
      player?.close()
      connection.current = undefined
    }
  }, [view, size])
  useEffect(() => {
    if (lifted.current === override) return
    lifted.current = override
    void connection.current?.present()
  }, [override])

  return (
    <video
      ref={video}
      muted
      playsInline
      disablePictureInPicture
      disableRemotePlayback
      aria-label={label}
      onLoadedData={onFirst}
      onContextMenu={(event) => event.preventDefault()}
    />
  )
}
