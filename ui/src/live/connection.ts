/**
 * The way of one picture to a page: a token, a WebSocket, fragments. A connection that is lost is made again with a new
 * token; what is refused is not. Neither tokens nor pictures are kept.
 */
import { mayPass, read, type Reason, type Told } from './protocol'

export type Way =
  | { state: 'connecting' }
  | { state: 'live' }
  /** Why no picture comes now; it is tried again, or waited for, by itself. */
  | { state: 'lost'; message: string }
  | { state: 'ended'; reason: Reason }

export type Opening = { url: string; token: string } | { reason: Reason }

export type Listening = {
  way: (way: Way) => void
  told: (told: Extract<Told, { type: 'picture' | 'view' }>) => void
  bytes: (bytes: ArrayBuffer) => void
}

/** The part of WebSocket that is used, so that tests can speak for the media process. */
export type Wire = Pick<WebSocket, 'send' | 'close' | 'addEventListener' | 'readyState'> & { binaryType: BinaryType }

export type Means = {
  /** Asks for a new token. */
  open: () => Promise<Opening>
  wire: (url: string) => Wire
  /** Milliseconds until the next try. */
  wait: (attempt: number) => number
}

const OPEN = 1 // WebSocket.OPEN

export class LiveConnection {
  readonly #means: Means
  readonly #listening: Listening
  #wire: Wire | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempt = 0
  #closed = false

  constructor(means: Means, listening: Listening) {
    this.#means = means
    this.#listening = listening
    listening.way({ state: 'connecting' })
    void this.#connect()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#leave()
  }

  /** Gives this connection up and makes another one: its picture could not be played. */
  restart(message: string): void {
    this.#leave()
    this.#again(message)
  }

  /** Shows a new token on the same connection: what may be seen has changed. */
  async present(): Promise<void> {
    const wire = this.#wire
    if (wire?.readyState !== OPEN) return // it will show its newest one
    const opening = await this.#means.open().catch(() => undefined)
    if (opening && 'token' in opening && wire === this.#wire) wire.send(JSON.stringify({ token: opening.token }))
  }

  async #connect(): Promise<void> {
    let opening: Opening
    try {
      opening = await this.#means.open()
    } catch (error) {
      return this.#again(error instanceof Error ? error.message : String(error))
    }
    if (this.#closed) return
    if ('reason' in opening) return this.#refused(opening.reason)
    const { url, token } = opening
    const wire = this.#means.wire(url)
    this.#wire = wire
    wire.binaryType = 'arraybuffer'
    // The token goes in the first message: addresses are written into logs.
    wire.addEventListener('open', () => wire.send(JSON.stringify({ token })))
    wire.addEventListener('message', ({ data }) => {
      if (wire === this.#wire) this.#hear(data)
    })
    wire.addEventListener('close', () => {
      if (wire !== this.#wire) return
      this.#wire = undefined
      this.#again('The picture was interrupted.')
    })
  }

  #hear(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      this.#attempt = 0
      this.#listening.way({ state: 'live' })
      return this.#listening.bytes(data)
    }
    const told = typeof data === 'string' ? read(data) : undefined
    switch (told?.type) {
      case 'end':
        this.#leave()
        return this.#refused(told.reason)
      case 'stalled':
        return this.#listening.way({ state: 'lost', message: told.message })
      case 'picture':
      case 'view':
        return this.#listening.told(told)
    }
  }

  #leave(): void {
    const wire = this.#wire
    this.#wire = undefined
    wire?.close(1000)
  }

  #refused(reason: Reason): void {
    if (mayPass(reason)) return this.#again(reason.message)
    this.#closed = true
    this.#listening.way({ state: 'ended', reason })
  }

  #again(message: string): void {
    if (this.#closed) return
    this.#listening.way({ state: 'lost', message })
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), this.#means.wait(this.#attempt++))
  }
}
