from services.compute.scheduler.app import main

main()
