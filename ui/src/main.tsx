import '@fontsource-variable/ibm-plex-sans/wght.css'
import '@fontsource/ibm-plex-mono/latin-400.css'
import './shell/tokens.css'
import './shell/shell.css'

import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { App } from './shell/app'

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root.')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
