/** Plays fragments as they come, in a video element. Nothing of them is kept but a few seconds in its buffer. */
import { follow, outdated, type Range } from './edge'

const TRIM_EVERY_MS = 250

export class LivePlayer {
  readonly #video: HTMLVideoElement
  readonly #source = new MediaSource()
  readonly #address: string
  readonly #onFault: (message: string) => void
  #buffer: SourceBuffer | undefined
  #mime: string | undefined
  #waiting: (ArrayBuffer | { mime: string })[] = []
  #timer: ReturnType<typeof setInterval>
  #closed = false

  /** `onFault`: this player can go on no more. */
  constructor(video: HTMLVideoElement, onFault: (message: string) => void) {
    this.#video = video
    this.#onFault = onFault
    this.#address = URL.createObjectURL(this.#source)
    this.#source.addEventListener('sourceopen', () => this.#next())
    video.src = this.#address
    video.addEventListener('error', this.#broke)
    this.#timer = setInterval(() => this.#stayLive(), TRIM_EVERY_MS)
  }

  /** What follows is of this kind: an init segment comes next. */
  expect(mime: string): void {
    if (!MediaSource.isTypeSupported(mime)) return this.#fail(`This browser cannot show ${mime}.`)
    this.#waiting.push({ mime })
    this.#next()
  }

  append(bytes: ArrayBuffer): void {
    this.#waiting.push(bytes)
    this.#next()
  }

  close(): void {
    this.#closed = true
    this.#waiting = []
    clearInterval(this.#timer)
    this.#video.removeEventListener('error', this.#broke)
    this.#video.removeAttribute('src')
    this.#video.load() // drops the last picture from the screen
    URL.revokeObjectURL(this.#address)
  }

  readonly #broke = () => this.#fail(this.#video.error?.message || 'The picture cannot be decoded.')

  #fail(message: string): void {
    if (this.#closed) return
    this.#waiting = []
    this.#onFault(message)
  }

  #next(): void {
    if (this.#closed || this.#source.readyState !== 'open' || this.#buffer?.updating) return
    const next = this.#waiting.shift()
    if (!next) return
    try {
      if (!(next instanceof ArrayBuffer)) {
        this.#prepare(next.mime)
        return this.#next()
      }
      this.#buffer?.appendBuffer(next)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'QuotaExceededError' && this.#letGo(true)) {
        if (next instanceof ArrayBuffer) this.#waiting.unshift(next)
        return
      }
      this.#fail(error instanceof Error ? error.message : String(error))
    }
  }

  #prepare(mime: string): void {
    if (!this.#buffer) {
      this.#buffer = this.#source.addSourceBuffer(mime)
      // One after the other as they come: times begin anew when the mask or the camera changes, and leap where the media
      // process left pictures out.
      this.#buffer.mode = 'sequence'
      this.#buffer.addEventListener('updateend', () => {
        this.#stayLive()
        this.#next()
      })
    } else if (mime !== this.#mime) this.#buffer.changeType(mime)
    this.#mime = mime
  }

  #ranges(): Range[] {
    const { buffered } = this.#video
    return Array.from({ length: buffered.length }, (_, index) => ({
      start: buffered.start(index),
      end: buffered.end(index),
    }))
  }

  #stayLive(): void {
    if (this.#closed || !this.#buffer) return
    const { seek, rate } = follow(this.#ranges(), this.#video.currentTime)
    if (seek !== undefined && !this.#video.seeking) this.#video.currentTime = seek
    if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate
    // A picture without sound may always play by itself; where it is paused all the same, it is put on again.
    if (this.#video.paused) void this.#video.play().catch(() => undefined)
    this.#letGo(false)
  }

  #letGo(all: boolean): boolean {
    if (!this.#buffer || this.#buffer.updating) return false
    const ranges = this.#ranges()
    const old = all ? ranges[0] && { start: ranges[0].start, end: this.#video.currentTime } : undefined
    const gone = old ?? outdated(ranges, this.#video.currentTime)
    if (!gone || gone.end <= gone.start) return false
    this.#buffer.remove(gone.start, gone.end)
    return true
  }
}
