/**
 * Plays footage that was granted. Each request carries the newest token; no more is asked for ahead than may be reserved,
 * and nothing of it is kept.
 */
import Hls, { type ErrorData, type HlsConfig, type LoaderResponse } from 'hls.js'

import { client, failureOf } from '../graphql/client'
import { FootagePictureDocument } from '../graphql/generated/graphql'
import { serverNow } from '../shell/clock'
import { type Refusal, refusalIn } from './refusal'
import { placeOf, type Segment, stretchOf, takenAt } from './segments'
import { joined, type Stretch } from './times'

/** At most 30 s may be reserved ahead; the player asks for less, so that it is not refused. */
const AHEAD_S = 12
const BEHIND_S = 20
/** A new token is asked for so long before the old one is over. */
const EARLY_MS = 45_000
/** Before it begins anew with another token. */
const AGAIN_MS = 500

export type Playback = {
  segments: readonly Segment[]
  /** What was sent to this page: on the record as seen. */
  sent: readonly Stretch[]
  /** It waits for what comes next, and says why. */
  waiting: string | undefined
  /** It cannot go on. */
  refused: Refusal | undefined
  masked: boolean | undefined
  /** When the viewing ends. */
  until: string | undefined
}

export const NOTHING_PLAYED: Playback = {
  segments: [],
  sent: [],
  waiting: undefined,
  refused: undefined,
  masked: undefined,
  until: undefined,
}

type Picture = { url: string; token: string }

class NotOpened extends Error {
  constructor(readonly reason: Refusal) {
    super(reason.message)
  }
}

const NO_PICTURE: Refusal = {
  code: 'not_opened',
  message: 'The watch center named no picture.',
  rule: '',
  field: null,
  accepted: null,
}

export class Playing {
  readonly #video: HTMLVideoElement
  readonly #viewing: string
  readonly #onChange: (playback: Playback) => void
  #override: string | undefined
  #picture: Picture | undefined
  #hls: Hls | undefined
  #now: Playback = NOTHING_PLAYED
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(
    video: HTMLVideoElement,
    viewing: string,
    override: string | undefined,
    onChange: (playback: Playback) => void,
  ) {
    this.#video = video
    this.#viewing = viewing
    this.#override = override
    this.#onChange = onChange
    void this.#begin(undefined)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#hls?.destroy()
    this.#video.removeAttribute('src')
    this.#video.load()
  }

  /** From now on under this override, or masked again: what is shown is asked for anew. */
  lift(override: string | undefined): void {
    if (override === this.#override) return
    this.#override = override
    void this.#begin(this.at())
  }

  /** When the picture on the screen was taken, in milliseconds since 1970. */
  at(): number | undefined {
    return takenAt(this.#now.segments, this.#video.currentTime)
  }

  goTo(at: number): void {
    const place = placeOf(this.#now.segments, at)
    if (place !== undefined) this.#video.currentTime = place
  }

  /** One picture as it is at `at`, which is a look of its own. Rejects with the reason why there is none. */
  async still(at: number): Promise<{ image: Blob; taken: string | null; masked: boolean }> {
    const known = this.#picture
    let answer = await stillOf(known ?? (await this.#ask()), at)
    let said = answer.ok ? undefined : refusalIn(await answer.text())
    if (known && overtaken(said)) {
      answer = await stillOf(await this.#ask(), at)
      said = answer.ok ? undefined : refusalIn(await answer.text())
    }
    if (!answer.ok) throw new Error(said?.message ?? `The watch center answered ${answer.status}.`)
    return {
      image: await answer.blob(),
      taken: answer.headers.get('x-footage-since'),
      masked: answer.headers.get('x-footage-masked') !== 'false',
    }
  }

  async #ask(): Promise<Picture> {
    const asked = await client
      .mutation(FootagePictureDocument, { viewing: this.#viewing, override: this.#override ?? null })
      .toPromise()
    const answer = asked.data?.footagePicture
    if (!answer) throw failureOf(asked.error)
    const { url, token, expiresAt, until, reason } = answer
    if (!url || !token || !expiresAt) throw new NotOpened(reason ?? NO_PICTURE)
    this.#picture = { url, token }
    this.#say({ until: until ?? undefined })
    clearTimeout(this.#timer)
    const left = Date.parse(expiresAt) - serverNow() - EARLY_MS
    this.#timer = setTimeout(() => void this.#renew(), Math.max(5_000, left))
    return this.#picture
  }

  /** A token that cannot be had is told when the next request is refused. */
  async #renew(): Promise<void> {
    await this.#ask().catch(() => undefined)
  }

  async #begin(from: number | undefined): Promise<void> {
    this.#hls?.destroy()
    this.#hls = undefined
    this.#say({ waiting: 'Opening…', refused: undefined })
    let picture: Picture
    try {
      picture = await this.#ask()
    } catch (error) {
      if (error instanceof NotOpened) return this.#say({ waiting: undefined, refused: error.reason })
      const message = error instanceof Error ? error.message : String(error)
      return this.#say({ waiting: undefined, refused: { ...NO_PICTURE, message } })
    }
    if (this.#closed) return
    const hls = new Hls(this.#config())
    this.#hls = hls
    hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => {
      const segments = details.fragments.flatMap(({ start, duration, programDateTime }) =>
        programDateTime === null ? [] : [{ start, duration, at: programDateTime }],
      )
      this.#say({ segments })
      const place = from === undefined ? undefined : placeOf(segments, from)
      if (place !== undefined) this.#video.currentTime = place
    })
    hls.on(Hls.Events.FRAG_LOADED, (_, { frag, networkDetails }) => {
      if (typeof frag.sn !== 'number' || frag.programDateTime === null) return
      const masked = headerOf(networkDetails, 'x-footage-masked')
      const stretch = stretchOf({ start: frag.start, duration: frag.duration, at: frag.programDateTime })
      this.#say({
        sent: joined([...this.#now.sent, stretch]),
        waiting: undefined,
        masked: masked === null ? this.#override === undefined : masked === 'true',
      })
    })
    hls.on(Hls.Events.ERROR, (_, error) => this.#failed(hls, error))
    hls.loadSource(picture.url)
    hls.attachMedia(this.#video)
  }

  #config(): Partial<HlsConfig> {
    const again = {
      maxNumRetry: 20,
      retryDelayMs: 700,
      maxRetryDelayMs: 6_000,
      // Refused for good is not asked again; what is too far ahead, or where something is away, is.
      shouldRetry: (_: unknown, tried: number, late: boolean, answer: LoaderResponse | undefined) => {
        const passes = late || !answer?.code || answer.code === 429 || answer.code >= 500
        if (passes) this.#say({ waiting: 'Waiting for what comes next…' })
        return passes && tried < 20
      },
    }
    const policy = {
      default: {
        maxTimeToFirstByteMs: 20_000,
        maxLoadTimeMs: 60_000,
        timeoutRetry: again,
        errorRetry: again,
      },
    }
    return {
      // Its worker would be made of a blob, which the content security policy of the pages does not allow.
      enableWorker: false,
      maxBufferLength: AHEAD_S,
      maxMaxBufferLength: AHEAD_S,
      backBufferLength: BEHIND_S,
      fragLoadPolicy: policy,
      playlistLoadPolicy: policy,
      manifestLoadPolicy: policy,
      xhrSetup: (request) => {
        if (this.#picture) request.setRequestHeader('authorization', `Bearer ${this.#picture.token}`)
      },
    }
  }

  #failed(hls: Hls, error: ErrorData): void {
    if (!error.fatal || hls !== this.#hls) return
    const said = saidOf(error)
    if (overtaken(said)) {
      const from = this.at()
      this.#say({ waiting: 'Opening…' })
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => void this.#begin(from), AGAIN_MS)
      return
    }
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && !said) {
      hls.recoverMediaError()
      return
    }
    hls.stopLoad()
    const message = said?.message ?? 'The footage does not come: the watch center does not answer.'
    this.#say({
      waiting: undefined,
      refused: said ?? { ...NO_PICTURE, code: error.details, message },
    })
  }

  #say(part: Partial<Playback>): void {
    if (this.#closed) return
    this.#now = { ...this.#now, ...part }
    this.#onChange(this.#now)
  }
}

/** It is the token's fault alone, and another one is to be had without anybody asking for a viewing again. */
function overtaken(said: Refusal | undefined): boolean {
  return said?.code === 'token_expired' || said?.code === 'token_superseded'
}

function stillOf({ url, token }: Picture, at: number): Promise<Response> {
  const address = new URL('still', url)
  address.searchParams.set('at', new Date(at).toISOString())
  return fetch(address, { headers: { authorization: `Bearer ${token}` }, cache: 'no-store' })
}

function headerOf(details: unknown, name: string): string | null {
  return details instanceof XMLHttpRequest ? details.getResponseHeader(name) : null
}

/** The reason that a refused request came back with. */
function saidOf({ networkDetails }: ErrorData): Refusal | undefined {
  if (!(networkDetails instanceof XMLHttpRequest)) return undefined
  const { response } = networkDetails as { response: unknown }
  if (typeof response === 'string') return refusalIn(response)
  if (response instanceof ArrayBuffer) return refusalIn(new TextDecoder().decode(response))
  return undefined
}
