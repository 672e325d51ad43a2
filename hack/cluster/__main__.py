from hack.cluster.command_line import main

raise SystemExit(main())
