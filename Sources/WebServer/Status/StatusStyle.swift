import Configuration

/// How the status page looks.
enum StatusStyle {
    /// What a colour is for.
    enum Role: String, CaseIterable {
        /// What everything stands on.
        case page
        /// What tables and figures stand on.
        case surface
        case text
        /// Text that is not so important.
        case muted
        /// Lines between things.
        case border
        /// What is not used of a limit.
        case track
        /// Links, lines of charts and bars.
        case accent
        case good, warn, bad
    }

    /// In light and in dark surroundings; 24 bits of red, green and blue.
    static let colours: [Role: (light: UInt32, dark: UInt32)] = [
        .page: (0xf3f5f8, 0x0e1116),
        .surface: (0xffffff, 0x171b22),
        .text: (0x1a1f26, 0xe8ecf1),
        .muted: (0x545d69, 0xa2acb8),
        .border: (0xd5dae1, 0x2c323b),
        .track: (0xe3e7ec, 0x323945),
        .accent: (0x0a5fc2, 0x6cb2ff),
        .good: (0x12723a, 0x56cf82),
        .warn: (0x875200, 0xf0b64a),
        .bad: (0xb3201f, 0xff8d85),
    ]

    /// The pairs that have to be told apart: by how much text, or a drawing, has to differ from what it stands on.
    static let contrasts: [(of: Role, on: Role, atLeast: Double)] =
        [Role.text, .muted, .accent, .good, .warn, .bad].flatMap { role in
            [Role.page, .surface].map { (role, $0, 4.5) }
        } + [Role.accent, .warn, .bad].map { ($0, .track, 3) }

    private static func variables(_ colour: ((light: UInt32, dark: UInt32)) -> UInt32) -> String {
        Role.allCases.compactMap { role in
            colours[role].map { "--\(role.rawValue):#\(hexadecimal(colour($0)))" }
        }.joined(separator: ";")
    }

    private static func hexadecimal(_ colour: UInt32) -> Substring {
        String(colour + 0x100_0000, radix: 16).dropFirst()
    }

    static let css = """
        :root{color-scheme:light dark;\(variables(\.light));font:15px/1.45 system-ui,sans-serif}
        @media(prefers-color-scheme:dark){:root{\(variables(\.dark))}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--text);overflow-wrap:break-word}
        header,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
        header{padding-top:1rem}
        h1,h2,h3,p{margin:0}
        h1{font-size:1rem;font-weight:600}
        h2{font-size:1.15rem;margin:1.75rem 0 .5rem}
        h3{font-size:1rem;margin:1.1rem 0 .4rem}
        a{color:var(--accent)}
        small,.muted,footer{color:var(--muted);font-size:.8rem}
        .overall{font-size:1.5rem;line-height:1.25;font-weight:650;margin:.15rem 0}
        .good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
        nav{display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin-top:.5rem}
        .sheet{background:var(--surface);border:1px solid var(--border);border-radius:.5rem;padding:.15rem .9rem}
        table{border-collapse:collapse;width:100%}
        th,td{text-align:left;vertical-align:top;padding:.4rem .9rem .4rem 0;font-variant-numeric:tabular-nums}
        th:last-child,td:last-child{padding-right:0}
        thead th{font-weight:400;font-size:.8rem;color:var(--muted)}
        tbody th{font-weight:600}
        tbody tr{border-top:1px solid var(--border)}
        tr.why{border-top:0}
        tr.why td{padding-top:0}
        tr.why p+p{margin-top:.3rem}
        th[scope=rowgroup]{font-size:.8rem;font-weight:400;color:var(--muted);padding-bottom:0}
        tr.group+tr{border-top:0}
        tr.group+tr>*{padding-top:.1rem}
        th[scope=row],tr.why td,h3{overflow-wrap:anywhere}
        .sheet tbody th[scope=row]{min-width:6.6rem}
        dl+p{margin-top:.5rem}
        .number{text-align:right;white-space:nowrap}
        dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(13.5rem,1fr));gap:.6rem;margin:0}
        dl>div{background:var(--surface);border:1px solid var(--border);border-radius:.5rem;padding:.5rem .8rem .6rem}
        dt{color:var(--muted);font-size:.8rem}
        dl>div{display:flex;flex-direction:column}
        dd{margin:0;flex:1}
        dd.cell{display:flex;flex-direction:column;justify-content:space-between}
        dd data{font-size:1.35rem;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums}
        small{display:block;font-weight:400}
        .rows{table-layout:fixed}
        .rows th:first-child{width:19%}
        .rows .remarks{width:19%}
        td .cell{display:flex;flex-wrap:wrap;gap:.2rem 1.25rem}
        td .cell>div{flex:1 1 9rem;max-width:14rem}
        .bar{display:block;width:100%;height:6px;margin:.3rem 0 .2rem;border-radius:3px}
        .bar rect{fill:var(--accent)}
        .bar.high rect{fill:var(--warn)}
        .bar.full rect{fill:var(--bad)}
        .bar rect.all{fill:var(--track)}
        .line{display:block;width:100%;height:26px;margin-top:.3rem;border-bottom:1px solid var(--border)}
        .line path{fill:none;stroke:var(--accent);stroke-width:1.5;stroke-linejoin:round}
        .line path{vector-effect:non-scaling-stroke}
        footer{padding-top:1.25rem;padding-bottom:1.5rem}
        @media(max-width:40rem){
        :root{font-size:14px}
        dl{grid-template-columns:repeat(auto-fill,minmax(9.2rem,1fr))}
        .sheet{padding:.1rem .6rem}
        th,td{padding-right:.5rem}
        .rows tr{display:grid;grid-template-columns:1fr 1fr}
        .rows th:first-child,.rows .remarks,.rows [colspan]{grid-column:1/-1;width:auto}
        .rows th,.rows td{padding-top:.15rem;padding-bottom:.15rem}
        }
        """

    /// By which a browser knows that the style is this one: `'sha256-...'` of a Content-Security-Policy.
    static let source = "'sha256-\(base64(SHA256(Array(css.utf8)).bytes))'"

    private static func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            let bits = part.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - part.count))
            for position in 0...part.count { text.append(digits[bits >> (18 - 6 * position) & 63]) }
            text += String(repeating: "=", count: 3 - part.count)
        }
        return text
    }
}
