/** The reason that the media process refuses a request with. */
export type Refusal = { code: string; message: string; rule: string; field: string | null; accepted: string | null }

/** Undefined where a body is no such reason. */
export function refusalIn(text: string): Refusal | undefined {
  try {
    const said: unknown = JSON.parse(text)
    if (typeof said !== 'object' || said === null || !('code' in said) || !('message' in said)) return undefined
    return { rule: '', field: null, accepted: null, ...(said as Pick<Refusal, 'code' | 'message'>) }
  } catch {
    return undefined
  }
}
