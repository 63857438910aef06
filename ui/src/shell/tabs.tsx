/** Tabs: one of them is shown; arrow keys go from one to the next, as people who use no mouse expect. */
import { type KeyboardEvent, useRef } from 'react'

import './tabs.css'

export type Tab<Code extends string> = { code: Code; name: string; tally?: number | undefined }

type Props<Code extends string> = {
  label: string
  tabs: readonly Tab<Code>[]
  shown: Code
  onShow: (code: Code) => void
}

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 }

export function Tabs<Code extends string>({ label, tabs, shown, onShow }: Props<Code>) {
  const list = useRef<HTMLDivElement>(null)
  const press = (event: KeyboardEvent) => {
    const step = STEPS[event.key]
    if (step === undefined) return
    event.preventDefault()
    const at = (tabs.findIndex(({ code }) => code === shown) + step + tabs.length) % tabs.length
    const next = tabs[at]
    if (!next) return
    onShow(next.code)
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[at]?.focus()
  }
  return (
    <div ref={list} className="tabs" role="tablist" aria-label={label} onKeyDown={press}>
      {tabs.map(({ code, name, tally }) => (
        <button
          key={code}
          type="button"
          role="tab"
          aria-selected={code === shown}
          tabIndex={code === shown ? 0 : -1}
          className={code === shown ? 'tab here' : 'tab'}
          onClick={() => onShow(code)}
        >
          {name}
          {tally !== undefined && <span className="tally">{tally}</span>}
        </button>
      ))}
    </div>
  )
}
