/// The report's style sheet: light or dark as the reader's system is. The six line colours are those of Okabe and Ito, which most
/// colour-blind readers tell apart; lines differ in their dashes as well.
package enum ReportStyle {
    package static let css = """
        :root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1f; --soft: #5c5c66; --rule: #dcdce2; --tint: #f4f4f7;
          --good: #00704f; --c1: #0072b2; --c2: #c25100; --c3: #00835f; --c4: #a8487f; --c5: #8a6a00; --c6: #3f86b5; }
        @media (prefers-color-scheme: dark) { :root { --paper: #17171b; --ink: #ececf0; --soft: #a5a5b0; --rule: #3a3a42;
          --tint: #212127; --good: #3ecf9f; --c1: #56b4e9; --c2: #ff8b3d; --c3: #2fc797; --c4: #e59ac6; --c5: #f0c541;
          --c6: #9ccdf0; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
        main { max-width: 54rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
        h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
        h2 { font-size: 1.25rem; margin: 2.75rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
        h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
        p { margin: .4rem 0 .8rem; max-width: 44rem; }
        .soft, figcaption, caption { color: var(--soft); }
        .tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; padding: 0; list-style: none; }
        .tiles li { flex: 1 1 9rem; background: var(--tint); border-radius: .6rem; padding: .7rem .9rem; }
        .tiles b { display: block; font-size: 1.35rem; line-height: 1.4; white-space: nowrap; font-variant-numeric: tabular-nums; }
        .tiles span { color: var(--soft); font-size: .85rem; }
        figure { margin: 1rem 0; }
        .plot { overflow-x: auto; } .plot > svg { width: 100%; min-width: 32rem; height: auto; display: block; }
        .legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: .25rem 0; padding: 0;
          font-size: .9rem; } .key { width: 28px; height: 8px; margin-right: .4rem; vertical-align: middle; }
        polyline, .key line { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
        polyline.faint { stroke-width: 1; opacity: .35; stroke-dasharray: none; }
        .grid { stroke: var(--rule); } .mark { stroke: var(--soft); stroke-dasharray: 2 4; }
        .tick, .axis { fill: var(--soft); font-size: 12px; font-family: system-ui, sans-serif; }
        .line1 { stroke: var(--c1); } .line2 { stroke: var(--c2); stroke-dasharray: 9 3; }
        .line3 { stroke: var(--c3); stroke-dasharray: 2 3; } .line4 { stroke: var(--c4); stroke-dasharray: 12 3 2 3; }
        .line5 { stroke: var(--c5); stroke-dasharray: 5 5; } .line6 { stroke: var(--c6); stroke-dasharray: 1 5; }
        .dot1 { fill: var(--c1); } .dot2 { fill: var(--c2); } .dot3 { fill: var(--c3); } .dot4 { fill: var(--c4); }
        .dot5 { fill: var(--c5); } .dot6 { fill: var(--c6); }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; margin: .5rem 0; font-size: .92rem; font-variant-numeric: tabular-nums; }
        caption { text-align: left; font-size: .85rem; padding-bottom: .3rem; }
        td { white-space: nowrap; } .neighbors td { white-space: normal; }
        th, td { padding: .3rem .8rem .3rem 0; text-align: right; border-bottom: 1px solid var(--rule); vertical-align: top; }
        th:first-child, .words td { text-align: left; } th { font-weight: 600; }
        details { margin: .4rem 0; } summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
        pre { background: var(--tint); border-radius: .6rem; padding: 1rem; overflow-x: auto; font-size: .82rem; }
        code { font-size: .85em; overflow-wrap: anywhere; }
        .neighbors { border-collapse: collapse; width: 100%; table-layout: fixed; } .neighbors td, .neighbors th { text-align: left; }
        .item { display: inline-block; vertical-align: top; margin: 0 .5rem .5rem 0; padding: .25rem .5rem; max-width: 100%;
          border: 1px solid var(--rule); border-radius: .5rem; overflow-wrap: anywhere; font-size: .88rem; }
        .item.right { border: 2px solid var(--good); } .item img { display: block; max-width: min(96px, 100%); border-radius: .25rem; }
        .yes { color: var(--good); font-weight: 600; }
        @media (max-width: 36rem) { .plot > svg { min-width: 0; } .plot .tick, .plot .axis { font-size: 18px; }
          .neighbors { font-size: .82rem; } .neighbors td, .neighbors th { padding-right: .4rem; } .item { margin-right: 0; } }

        """
}
